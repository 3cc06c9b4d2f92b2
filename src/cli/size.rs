//! Numbers of bytes, as people write and read them.

/// A number of bytes: `500MB`, `2GB`.
pub fn size(text: &str) -> Result<u64, String> {
    let wrong = || "write a number and B, kB, MB, GB or TB, such as 500MB".to_owned();
    let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let (number, unit) = text.split_at(digits);
    let scale: u64 = match unit.trim() {
        "B" => 1,
        "kB" | "KB" => 1 << 10,
        "MB" => 1 << 20,
        "GB" => 1 << 30,
        "TB" => 1 << 40,
        _ => return Err(wrong()),
    };
    number.parse::<u64>().ok().and_then(|n| n.checked_mul(scale)).ok_or_else(wrong)
}

/// A number of bytes for people.
pub fn shown_size(bytes: u64) -> String {
    let units = [(1 << 40, "TB"), (1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "kB")];
    match units.into_iter().find(|(scale, _)| bytes >= *scale) {
        #[allow(clippy::cast_precision_loss)]
        Some((scale, unit)) => format!("{:.1} {unit}", bytes as f64 / scale as f64),
        None => format!("{bytes} B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_shown() {
        assert_eq!(size("500MB"), Ok(500 << 20));
        assert_eq!(size("2 GB"), Ok(2 << 30));
        assert!(size("5").is_err() && size("GB").is_err() && size("99999999TB").is_err());
        assert_eq!(shown_size(1536), "1.5 kB");
        assert_eq!(shown_size(12), "12 B");
    }
}
