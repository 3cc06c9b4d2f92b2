//! A rule set that is checked again after each change: what is read and parsed, and that the findings
//! are those of a check from nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use invalidate::check::{Checked, Files, Work, Workspace, check};
use invalidate::diagnostic::render;
use invalidate::lint::{Levels, lint};

const ROOT: &str = "rules/root.inv";

/// A root that imports groups of files, each with an entity and its rules.
fn tree() -> BTreeMap<PathBuf, String> {
    let mut files = BTreeMap::new();
    let groups: String = (0..5).map(|g| format!("import \"g{g}/all.inv\"\n")).collect();
    files.insert(ROOT.into(), format!("language 1\n{groups}entity user {{ key profile }}\n"));
    for group in 0..5 {
        let parts: String = (0..6).map(|n| format!("import \"part{n}.inv\"\n")).collect();
        files.insert(format!("rules/g{group}/all.inv").into(), parts);
        for n in 0..6 {
            files.insert(format!("rules/g{group}/part{n}.inv").into(), part(group, n, "update"));
        }
    }
    files
}

fn part(group: usize, n: usize, operation: &str) -> String {
    let name = format!("e{group}_{n}");
    format!(
        "entity {name} {{ fields {{ plan: string }} ref user key page }}\nrelation r_{name}: user -> {name}\n\
         rule u_{name} {{ on {name}.{operation}  when changed(plan)  drop key \"of:{name}:{{id}}\" }}\n"
    )
}

fn in_memory(files: &BTreeMap<PathBuf, String>) -> Files {
    Files::Memory(files.iter().map(|(path, text)| (path.clone(), text.clone().into_bytes())).collect())
}

/// Everything that is found, as people read it, and the rules that come out of it.
fn outcome(checked: &Checked) -> String {
    let findings = lint(checked, &Levels::default());
    let mut out: String =
        findings.iter().map(|finding| render(finding, &checked.sources, false, Some(120))).collect();
    out.push_str(&format!("{:#?}", checked.rules.as_ref().map(|rules| (rules.entities(), rules.rules()))));
    out
}

struct Editor {
    files: BTreeMap<PathBuf, String>,
    workspace: Workspace,
}

impl Editor {
    fn new() -> Self {
        let files = tree();
        let mut workspace = Workspace::new(Path::new(ROOT), in_memory(&files));
        let (_, work) = workspace.check();
        assert_eq!(work.read.len(), files.len());
        assert_eq!(work.parsed, work.read);
        Self { files, workspace }
    }

    /// Changes a file, or takes it away, and holds the next check against one from nothing.
    fn change(&mut self, path: &str, text: Option<String>) -> Work {
        self.workspace.edit(Path::new(path), text.as_deref());
        match text {
            Some(text) => self.files.insert(path.into(), text),
            None => self.files.remove(Path::new(path)),
        };
        let (checked, work) = self.workspace.check();
        let whole = check(Path::new(ROOT), &in_memory(&self.files));
        assert_eq!(outcome(&checked), outcome(&whole), "after a change of {path}");
        work
    }

    fn text(&self, path: &str) -> String {
        self.files[Path::new(path)].clone()
    }
}

#[test]
fn a_changed_file_is_read_and_parsed_alone() {
    let mut editor = Editor::new();
    let one = |path: &str| Work { read: vec![path.into()], parsed: vec![path.into()] };
    let path = "rules/g3/part2.inv";
    for text in [
        part(3, 2, "delete"),
        "rule r { on".to_owned(),
        String::new(),
        part(3, 3, "update"),
        part(3, 2, "create"),
    ] {
        assert_eq!(editor.change(path, Some(text)), one(path));
    }
    // The root itself, without a change of its imports.
    let text = editor.text(ROOT) + "rule users { on user }\n";
    assert_eq!(editor.change(ROOT, Some(text)), one(ROOT));
    assert_eq!(editor.workspace.check().1, Work::default(), "nothing has changed");
}

#[test]
fn files_whose_place_has_changed_are_parsed_but_not_read() {
    let mut editor = Editor::new();
    let all = "rules/g1/all.inv";
    let less = editor.text(all).replace("import \"part0.inv\"\n", "");
    let work = editor.change(all, Some(less.clone()));
    assert_eq!(work.read, [PathBuf::from(all)]);
    // One less before 5 of its own group and 3 groups of 7; those in front stay.
    assert_eq!(work.parsed.len(), 1 + 5 + 3 * 7);
    let work = editor.change(all, Some(format!("{less}import \"new.inv\"\n")));
    let new = PathBuf::from("rules/g1/new.inv");
    assert_eq!(work.read, [all.into(), new.clone()]);
    // What is missing is looked for each time.
    assert_eq!(editor.workspace.check().1.read, std::slice::from_ref(&new));
    let work = editor.change("rules/g1/new.inv", Some(part(1, 9, "update")));
    assert_eq!(work.read, [new]);
    // A circle, and a file that is gone.
    editor.change("rules/g1/new.inv", Some("import \"all.inv\"".to_owned()));
    editor.change("rules/g1/new.inv", None);
    editor.change(all, Some(less));
}

#[test]
fn random_edits_find_what_a_whole_check_finds() {
    let mut editor = Editor::new();
    let mut state = 7_u64;
    let mut below = |n: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % n
    };
    for _ in 0..60 {
        let paths: Vec<PathBuf> = editor.files.keys().cloned().collect();
        let path = paths[below(paths.len())].to_str().unwrap().to_owned();
        let text = editor.text(&path);
        let (from, to) = (below(text.len() + 1), below(text.len() + 1));
        let changed = match below(5) {
            0 => text.replace("update", "delete"),
            1 => format!("{}{}", &text[..from.min(to)], &text[from.max(to)..]),
            2 => text.replacen("import", "// import", 1),
            3 => text.replacen("// import", "import", 1),
            _ => format!("{text}import \"part{}.inv\"\n", below(6)),
        };
        editor.change(&path, Some(changed));
    }
}

#[test]
fn a_file_on_the_disk_is_read_again_when_it_is_said_to_have_changed() {
    let folder = tempfile::TempDir::new().unwrap();
    let root = folder.path().join("a.inv");
    std::fs::write(&root, "entity a\nrule r { on a }").unwrap();
    let mut workspace = Workspace::new(&root, Files::Disk);
    assert!(!workspace.check().0.has_errors());
    std::fs::write(&root, "entity a\nrule r { on b }").unwrap();
    assert_eq!(workspace.check().1, Work::default());
    workspace.changed(&root);
    assert!(workspace.check().0.has_errors());
    // What the editor holds stands in front of it.
    workspace.edit(&root, Some("entity b\nrule r { on b }"));
    assert!(!workspace.check().0.has_errors());
    workspace.edit(&root, None);
    assert!(workspace.check().0.has_errors());
}
