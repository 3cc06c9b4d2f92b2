//! The document as text. It says byte for byte what its [`Serialize`] says, which the test requires; a
//! general serializer, which writes each name and each quote by itself, took a seventh of a single write.

use serde::Serialize;

use super::{ReportDocument, StepDocument};
use crate::engine::outcome::Outcome;
use crate::model::{RawId, RawWrite};
use crate::plan::{Step, Terms};

impl ReportDocument<'_> {
    /// The document as JSON.
    pub fn to_json(&self) -> Vec<u8> {
        let mut text = Text(Vec::with_capacity(256 + 256 * self.steps.len()));
        text.add("{\"schema\":").number(u64::from(self.schema));
        text.add(",\"write\":").write(self.write);
        text.add(",\"steps\":").list(&self.steps, Text::step);
        text.add(",\"covered\":").list(self.covered, Text::value);
        text.add(",\"unresolved\":").list(self.unresolved, Text::value);
        text.add(",\"assumed\":").list(self.assumed, Text::value);
        if !self.ignored.is_empty() {
            text.add(",\"ignored\":").list(self.ignored, |text, name| text.string(name));
        }
        text.add("}");
        text.0
    }
}

struct Text(Vec<u8>);

impl Text {
    fn add(&mut self, text: &str) -> &mut Self {
        self.0.extend_from_slice(text.as_bytes());
        self
    }

    fn number(&mut self, number: u64) {
        match u8::try_from(number) {
            // Most are.
            Ok(digit @ 0..=9) => self.0.push(b'0' + digit),
            _ => self.value(&number),
        }
    }

    fn string(&mut self, text: &str) {
        let is_plain = |byte: u8| byte >= b' ' && byte != b'"' && byte != b'\\';
        match text.bytes().all(is_plain) {
            true => drop(self.add("\"").add(text).add("\"")),
            false => self.value(text),
        }
    }

    fn list<T>(&mut self, values: &[T], add: impl Fn(&mut Self, &T)) {
        self.add("[");
        for (place, value) in values.iter().enumerate() {
            if place > 0 {
                self.add(",");
            }
            add(self, value);
        }
        self.add("]");
    }

    /// What is seldom there.
    fn value(&mut self, value: &(impl Serialize + ?Sized)) {
        // Only a map whose keys are no texts could fail, and there is none.
        let _ = serde_json::to_writer(&mut self.0, value);
    }

    fn write(&mut self, write: &RawWrite) {
        let RawWrite { entity, id, op, changed, new, old, context } = write;
        self.add("{\"entity\":").string(entity);
        self.add(",\"id\":");
        match id {
            RawId::Text(id) => self.string(id),
            id => self.value(id),
        }
        self.add(",\"op\":").string(op);
        self.add(",\"changed\":");
        match changed {
            None => drop(self.add("null")),
            Some(names) => self.list(names, |text, name| text.string(name)),
        }
        for (name, values) in [(",\"new\":", new), (",\"old\":", old), (",\"context\":", context)] {
            self.add(name);
            match values.is_empty() {
                true => drop(self.add("{}")),
                false => self.value(values),
            }
        }
        self.add("}");
    }

    fn step(&mut self, step: &StepDocument<'_>) {
        let Step { kind, target, terms, trigger } = step.step;
        let Terms { strategy, delay_ms, priority, rules, via, hop, cascade } = &**terms;
        self.add("{\"kind\":\"").add(kind.word()).add("\",\"target\":").string(target);
        self.add(",\"strategy\":\"").add(strategy.word()).add("\",\"delay_ms\":").number(*delay_ms);
        self.add(",\"priority\":").number(u64::from(*priority));
        self.add(",\"rules\":").list(rules, |text, name| text.string(name));
        self.add(",\"via\":").list(via, |text, name| text.string(name));
        self.add(",\"hop\":").number(u64::from(*hop));
        self.add(if *cascade { ",\"cascade\":true" } else { ",\"cascade\":false" });
        if let Some(trigger) = trigger {
            self.add(",\"trigger\":").string(trigger);
        }
        let Outcome { due_in_ms, removed, dependents, error } = &step.outcome;
        let numbers =
            [(",\"due_in_ms\":", due_in_ms), (",\"removed\":", removed), (",\"dependents\":", dependents)];
        for (name, number) in numbers {
            if let Some(number) = number {
                self.add(name).number(*number);
            }
        }
        if let Some(error) = error {
            self.add(",\"error\":").string(error);
        }
        self.add("}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::MemoryCache;
    use crate::check::RuleSet;
    use crate::engine::{Engine, Report, StepError};
    use crate::plan::Program;

    const RULES: &str = r#"
        context { tenant: string }
        entity shop { key page }
        entity user {
          fields { plan: string, name: string }
          ref shop: shop
          key page
        }
        rule now { on user.update  drop tag "user:{id}", key "a\"b:{id}", match "names:{name}:*" }
        rule later { on user.update  strategy batched  delay 250ms  drop key "later:{id}" }
        rule lazily { on user.update  strategy lazy  drop tag "lazy:{id}", tag "tenant:{context.tenant}" }
        rule kept { on user.update  when plan != old.plan  priority 12  drop key "plan:{plan}" }
        rule chained { on tag "user:{u}"  drop key "chained:{u}" }
        relation shops: user -> shop
        rule cascading { on user  follow shops }
    "#;

    /// What reports of these writes say, and the same of steps that failed.
    fn reports() -> Vec<Report> {
        let checked = RuleSet::parse(RULES);
        let rules = checked.rules.unwrap_or_else(|| panic!("{:?}", checked.findings));
        let engine = Engine::new(Program::new(rules), MemoryCache::default());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let writes = [
            r#"{"entity": "user", "id": "7", "op": "update"}"#,
            r#"{"entity": "user", "id": 7, "op": "update", "changed": ["plan", "n\u0001"],
                "new": {"plan": "a\"b\\c\nd\u2028é", "name": "x", "shop": "9"}, "old": {"plan": "free"}}"#,
            r#"{"entity": "user", "id": 18446744073709551615, "op": "update", "context": {"tenant": "t"},
                "new": {"shop": 9, "unknown": 1.5, "other\t": [1, null]}}"#,
            r#"{"entity": "shop", "id": null, "op": "delete"}"#,
        ];
        let plans = writes.map(|write| {
            let write = serde_json::from_str(write).expect("a write");
            engine.plan(write).unwrap_or_else(|error| panic!("{error}"))
        });
        let submit = || runtime.block_on(engine.submit_all(plans.to_vec(), crate::cache::quiet()));
        let mut failed = submit();
        for (n, step) in failed.iter_mut().flat_map(|report| &mut report.steps).enumerate() {
            step.outcome = Err(StepError::BadTarget(format!("the \"{n}\"\nth is bad")));
        }
        submit().into_iter().chain(failed).collect()
    }

    #[test]
    fn the_text_is_what_the_document_serializes_to() {
        let mut all = String::new();
        for report in reports() {
            let document = ReportDocument::new(&report);
            let text = String::from_utf8(document.to_json()).expect("UTF-8");
            assert_eq!(text, serde_json::to_string(&document).expect("serialized"));
            all += &text;
        }
        // None of the parts that are seldom there was left untried.
        for part in [
            "\"due_in_ms\":250",
            "\"due_in_ms\":0",
            "\"removed\":0",
            "\"error\":",
            "\"trigger\":",
            "\"ignored\":[",
            "\"missing\":",
            "\"unmoved\":",
            "\"via\":[\"",
            "\"cascade\":true",
            "\"changed\":[",
            "\"id\":null",
            "\"priority\":12",
        ] {
            assert!(all.contains(part), "{part} in {all}");
        }
    }
}
