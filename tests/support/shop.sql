-- A shop as one finds them: what is awkward about it is on purpose.
create type plan as enum ('free', 'pro', 'team');
create domain email_address as text check (value like '%@%');
create domain work_email as email_address;

create table organizations (
  id bigint generated always as identity primary key,
  name text not null,
  plan plan not null default 'free'
);

create table users (
  id uuid primary key default gen_random_uuid(),
  organization_id bigint not null references organizations on delete cascade,
  email work_email not null unique,
  full_name varchar(200),
  is_admin boolean not null default false,
  seats integer not null default 1,
  tags text[] not null default '{}',
  created_at timestamptz not null default now(),
  search tsvector generated always as (to_tsvector('simple', coalesce(full_name, ''))) stored
);
alter table users replica identity full;

-- One to one: the foreign key is unique.
create table profiles (
  user_id uuid primary key references users on delete cascade,
  bio text,
  birthday date
);

create table sessions (
  id uuid primary key,
  user_id uuid not null references users on delete cascade,
  device text,
  expires_at timestamp not null
);

-- A tree.
create table categories (
  id serial primary key,
  parent_id integer references categories,
  name text not null unique
);

create table products (
  id serial primary key,
  category_id integer references categories on delete set null,
  sku text not null unique,
  title text not null,
  price numeric(12, 2) not null,
  in_stock boolean not null default true
);

create table tags (
  id serial primary key,
  name text not null unique
);

-- Many to many: nothing but two foreign keys.
create table product_tags (
  product_id integer references products on delete cascade,
  tag_id integer references tags on delete cascade,
  primary key (product_id, tag_id)
);

-- Two foreign keys to one table.
create table orders (
  id bigserial primary key,
  user_id uuid not null references users,
  approved_by uuid references users,
  status text not null default 'new',
  total numeric(12, 2) not null default 0,
  placed_at timestamptz not null default now()
);

create table order_items (
  id bigserial primary key,
  order_id bigint not null references orders on delete cascade,
  product_id integer not null references products,
  quantity integer not null,
  price numeric(12, 2) not null
);

-- A composite key of more than a join table holds.
create table stock_levels (
  warehouse text not null,
  product_id integer not null references products on delete cascade,
  quantity integer not null,
  primary key (warehouse, product_id)
);

-- No key at all.
create table audit_log (
  at timestamptz not null default now(),
  who uuid,
  what jsonb
);

-- Partitions count as their table.
create table events (
  id bigint not null,
  at timestamptz not null,
  user_id uuid references users on delete cascade,
  kind text,
  primary key (id, at)
) partition by range (at);
create table events_2026 partition of events for values from ('2026-01-01') to ('2027-01-01');
create table events_2027 partition of events for values from ('2027-01-01') to ('2028-01-01');
create table event_notes (
  id bigint primary key,
  event_id bigint,
  event_at timestamptz,
  note text,
  foreign key (event_id, event_at) references events (id, at)
);

-- Names that a language might not like.
create table "rule" (
  id integer primary key,
  "when" text,
  "Display Name" text,
  "größe" integer
);

create view active_users as select * from users where not is_admin;
create materialized view totals as select user_id, sum(total) as total from orders group by 1;

create schema billing;
create table billing.invoices (
  id bigserial primary key,
  order_id bigint not null unique references public.orders on delete cascade,
  due date not null
);
