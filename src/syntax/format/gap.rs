//! What stands between two tokens: blanks, line ends and comments.

/// A `//` comment, without trailing blanks.
#[derive(Clone, Copy, Debug)]
pub struct Comment<'i> {
    pub text: &'i str,
    /// Whether it stands on the line of the token before it.
    pub trailing: bool,
    /// Whether there is an empty line before it.
    pub blank: bool,
}

/// Everything before a token, back to the token before that.
#[derive(Clone, Debug, Default)]
pub struct Gap<'i> {
    pub comments: Vec<Comment<'i>>,
    /// Whether there is an empty line directly before the token.
    pub blank: bool,
}

impl<'i> Gap<'i> {
    /// Reads the text between two tokens, or between a token and an end of the file. `at_start`: no
    /// token stands before it.
    pub fn read(text: &'i str, at_start: bool) -> Self {
        let mut gap = Self::default();
        let mut rest = text;
        let mut line_ends = usize::from(at_start);
        while let Some(c) = rest.chars().next() {
            if c == '/' {
                let end = rest.find(['\n', '\r']).unwrap_or(rest.len());
                gap.comments.push(Comment {
                    text: rest[..end].trim_end(),
                    trailing: line_ends == 0,
                    blank: line_ends > 1,
                });
                line_ends = 0;
                rest = &rest[end..];
                continue;
            }
            let length = if rest.starts_with("\r\n") { 2 } else { c.len_utf8() };
            line_ends += usize::from(matches!(c, '\n' | '\r'));
            rest = &rest[length..];
        }
        gap.blank = line_ends > 1;
        gap
    }

    /// This gap and a later one, when what stood between them is left out. One comment at most can
    /// stand behind the token before.
    pub fn join(&mut self, later: Gap<'i>) {
        let first = self.comments.is_empty();
        self.comments.extend(later.comments.into_iter().enumerate().map(|(at, mut comment)| {
            comment.trailing &= first && at == 0;
            comment
        }));
        self.blank = later.blank;
    }

    /// Takes out the comment that stands behind the token before.
    pub fn take_trailing(&mut self) -> Option<&'i str> {
        let is_trailing = self.comments.first().is_some_and(|comment| comment.trailing);
        is_trailing.then(|| self.comments.remove(0).text)
    }
}
