//! Drops over time as SVG: a bar for each bucket, stacked by strategy, and a line for a second rule set.

use std::fmt::Write as _;

use invalidate::model::{Instant, Value};
use invalidate::replay::{Clock, Series};

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 280.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 36.0;

/// The plot; colours are those of the page's style.
pub fn svg(series: &Series, second: Option<&Series>) -> String {
    let most = series.buckets.iter().map(|b| b.drops()).max().unwrap_or(0);
    let most = second.map_or(most, |s| s.buckets.iter().map(|b| b.drops()).max().unwrap_or(0).max(most));
    let step = nice((most.max(1) as f64 / 4.0).ceil() as u64);
    let high = most.max(1).div_ceil(step) * step;
    let (wide, tall) = (WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM);
    let count = series.buckets.len().max(second.map_or(0, |s| s.buckets.len())).max(1) as f64;
    let x = |at: f64| LEFT + wide * at / count;
    let y = |drops: u64| TOP + tall - tall * drops as f64 / high as f64;
    let label = format!("Drops over time: at most {most} in {}", width(series));
    let mut out = format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{label}\">\n<title>{label}</title>\n"
    );
    for tick in (0..=high).step_by(usize::try_from(step).unwrap_or(usize::MAX)) {
        let at = y(tick);
        let _ = writeln!(
            out,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>\
             <text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{tick}</text>",
            WIDTH - RIGHT,
            LEFT - 8.0,
            at + 4.0
        );
    }
    for (at, bucket) in series.buckets.iter().enumerate() {
        let mut below = 0;
        for (class, drops) in
            [("immediate", bucket.immediate), ("batched", bucket.batched), ("lazy", bucket.lazy)]
        {
            if drops == 0 {
                continue;
            }
            let (top, bottom) = (y(below + drops), y(below));
            // Bars touch where they are thin, else a hair stands between them.
            let gap = (wide / count * 0.12).min(2.0);
            let _ = writeln!(
                out,
                "<rect class=\"{class}\" x=\"{:.2}\" y=\"{top:.2}\" width=\"{:.2}\" height=\"{:.2}\">\
                 <title>{}: {drops} {class}, {} writes</title></rect>",
                x(at as f64),
                wide / count - gap,
                bottom - top,
                place(series, at as i64),
                bucket.writes
            );
            below += drops;
        }
    }
    if let Some(second) = second {
        let mut points = String::new();
        for (at, bucket) in second.buckets.iter().enumerate() {
            let _ = write!(points, "{:.2},{:.2} ", x(at as f64 + 0.5), y(bucket.drops()));
        }
        let _ = writeln!(out, "<polyline class=\"second\" points=\"{}\"/>", points.trim_end());
    }
    let middle = (count / 2.0) as i64;
    for (at, anchor) in [(0, "start"), (middle, "middle"), (count as i64, "end")] {
        if at == middle && count < 4.0 {
            continue;
        }
        let _ = writeln!(
            out,
            "<text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{}</text>",
            x(at as f64),
            HEIGHT - BOTTOM + 20.0,
            place(series, at)
        );
    }
    out.push_str("</svg>\n");
    out
}

/// Where a bucket begins, in words.
fn place(series: &Series, bucket: i64) -> String {
    let at = series.start.saturating_add(bucket.saturating_mul(series.width));
    match series.clock {
        Clock::Writes => format!("write {}", at + 1),
        Clock::Time => at
            .checked_mul(1000)
            .and_then(Instant::from_micros)
            .and_then(|instant| Value::Time(instant).as_text().map(|text| text.into_owned()))
            .unwrap_or_else(|| format!("{at} ms")),
    }
}

/// How much a bar stands for.
pub fn width(series: &Series) -> String {
    let seconds = series.width / 1000;
    match series.clock {
        Clock::Writes if series.width == 1 => "a write".to_owned(),
        Clock::Writes => format!("{} writes", series.width),
        Clock::Time if seconds == 1 => "a second".to_owned(),
        Clock::Time => format!("{seconds} seconds"),
    }
}

/// The next of 1, 2, 5, 10, 20, 50, …
fn nice(step: u64) -> u64 {
    let mut unit = 1u64;
    loop {
        for factor in [1, 2, 5] {
            let candidate = unit.saturating_mul(factor);
            if candidate >= step || candidate == u64::MAX {
                return candidate;
            }
        }
        unit = unit.saturating_mul(10);
    }
}

#[cfg(test)]
mod tests {
    use super::nice;

    #[test]
    fn ticks_are_round() {
        assert_eq!([1, 2, 3, 7, 11, 49, 51].map(nice), [1, 2, 5, 10, 20, 50, 100]);
        assert_eq!(nice(u64::MAX), u64::MAX);
    }
}
