#!/bin/sh
# Instructions that planning and compiling take, counted by callgrind: a regression shows whatever else
# the machine does. Compares with the committed table; UPDATE=1 writes it anew.
#
#   benches/instructions.sh            exits with 1 where something takes 5 % more than in the table
#   UPDATE=1 benches/instructions.sh
#   PLAN_BENCH=target/release/deps/plan-… benches/instructions.sh      with a benchmark that is built already
set -eu
cd "$(dirname "$0")/.."
table=benches/instructions.txt
if ! command -v valgrind > /dev/null; then
    echo "valgrind is not installed; on Debian and Ubuntu: apt install valgrind" >&2
    exit 2
fi
program=${PLAN_BENCH:-$(cargo bench --bench plan --no-run 2>&1 | sed -n 's/.*(\(.*\/plan-[0-9a-f]*\)).*/\1/p')}
[ -x "$program" ] || { echo "benches/plan.rs does not build: cargo bench --bench plan --no-run" >&2; exit 2; }

# What the work takes N times and then twice as often: the difference leaves out all that comes before.
instructions() {
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$program" --count "$1" "$2" 2>&1 |
        sed -n 's/.*Collected : \([0-9]*\).*/\1/p'
}

new=$(mktemp)
trap 'rm -f "$new"' EXIT
# The work, how often it is done, and how many writes or rules are in it.
while read -r work count parts; do
    once=$(instructions "$work" "$count")
    twice=$(instructions "$work" $((count * 2)))
    echo "$work $(((twice - once) / count / parts))" >> "$new"
done << 'WORK'
floor-six 50 6
plan-six 50 6
take-six 50 6
plan-spread 20 6
plan-one-1000 20 3
plan-one-10000 20 3
compile-six 10 6
compile-one-1000 2 1000
compile-one-10000 1 10000
WORK

if [ "${UPDATE:-}" = 1 ]; then
    {
        echo "# Instructions for each write that is planned, or each rule that is compiled; made by"
        echo "# benches/instructions.sh with $(rustc --version | cut -d ' ' -f 1,2)."
        cat "$new"
    } > "$table"
fi
[ -e "$table" ] || { cat "$new"; exit; }
awk '
    /^#/ { next }
    FILENAME == ARGV[1] { before[$1] = $2; next }
    {
        change = before[$1] ? ($2 / before[$1] - 1) * 100 : 0
        printf "%-20s %10d %10d %+6.1f %%%s\n", $1, before[$1], $2, change, (change > 5 ? "  more than before" : "")
        if (change > 5) worse = 1
    }
    END { exit worse }
' "$table" "$new"
