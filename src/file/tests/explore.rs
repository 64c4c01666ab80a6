
use super::{User, policies};
use crate::envelope::native::State;
use crate::file::SealedFile;
use crate::format::{Limits, by_name};
use crate::policy::{Cleartext, Comments, Policy, Selection};

fn only(patterns: &[&str], clear: &[&str]) -> Selection {
    let list = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    Selection::parse(&list(patterns), &list(clear)).unwrap()
}

fn try_open(user: &User, text: &str, format: &str) -> String {
    let format = by_name(format).unwrap();
    match SealedFile::parse(text, format, &Limits::default()) {
        Ok(file) => match user.with(|k| file.open(k, &Limits::default())) {
            Ok(open) => format!("{:?}: {:?}", open.state(), open.plain().source.as_str()),
            Err(e) => format!("refused: {e}"),
        },
        Err(e) => format!("refused: {e}"),
    }
}

#[test]
fn explore() {
    let user = User::new("a");
    let yaml = by_name("yaml").unwrap();
    let pol = Policy { selection: only(&["**.pw"], &[]), ..Policy::default() };
    let sealed = user.seal("a: yes\npw: !x tok\nl: [1, 2]\n", yaml, pol.clone()).text.to_string();
    for prefix in ["", "\u{feff}", "%YAML 1.1\n---\n", "\u{feff}%YAML 1.1\n---\n", "\u{feff}# c\n%TAG ! tag:evil,1:\n---\n", "---\n", "%FOO bar\n---\n", "---\n...\n", "...\n", "---\n---\n", "# a\u{7f}\n", " \n", "\u{feff}\u{feff}"] {
        println!("{prefix:?} -> {}", try_open(&user, &format!("{prefix}{sealed}"), "yaml"));
    }
    // two documents, directive between
    let two = user.seal("a: yes\npw: !x tok\n---\nb: 1\npw: x\n", yaml, pol.clone()).text.to_string();
    for middle in ["---\n", "...\n---\n", "...\n%YAML 1.1\n---\n", "...\n\u{feff}%YAML 1.1\n---\n", "...\n%YAML 1.1 # x\n---\n", "--- # x\n", "...\n# x\n---\n", "---\n---\n", "...\n...\n---\n"] {
        println!("{middle:?} -> {}", try_open(&user, &two.replacen("---\n", middle, 1), "yaml"));
    }
    println!("{sealed}");
    // layout
    for (from, to) in [("a: yes", "a:   yes"), ("a: yes", "a: \"yes\""), ("a: yes", "a: !!str yes"), ("a: yes", "? a\n: yes"), ("a: yes", "\"a\": yes"), ("l: [1, 2]", "l:\n  - 1\n  - 2"), ("l: [1, 2]", "l: [1, 2,]"), ("a: yes", "a: yes\n...\n---\n"), ("sealeaf:\n", "---\nsealeaf:\n"), ("sealeaf:\n", "...\n---\nsealeaf:\n"), ("sealeaf:\n", "--- # x\nsealeaf:\n"),("sealeaf:\n", "\"sealeaf\":\n"), ("  version: 1", "  version: 01"), ("  version: 1", "  version: !!int 1"), ("  version: 1", "  version: 1 # x"), ("  version: 1", "  {version: 1"), ("a: yes", "a: yes # \u{2028}"), ("a: yes", "a: y\u{2028}es"), ("a: yes", "a: yes\u{85}"),
       ("l: [1, 2]", "l: [1, 2, ]"), ("l: [1, 2]", "l: [0x1, 2]"), ("pw: !x sealed", "pw: !x 'sealed"),("pw: !x sealed", "pw: !x \"sealed"),("pw: !x sealed", "pw: !x |-\n  sealed"), ("pw: !x sealed", "pw: !x\n  sealed"), ("pw: !x sealed", "pw: ! sealed"), ("pw: !x sealed", "pw: !<!x> sealed"), ("pw: !x sealed", "pw: !%78 sealed")] {
        let t = sealed.replacen(from, to, 1);
        let t = if to.ends_with("'sealed") || to.ends_with("\"sealed") { let q = if to.contains('\'') {'\''} else {'"'}; let i = t.find("sealed.v1").unwrap(); let e = t[i..].find('\n').unwrap()+i; format!("{}{q}{}", &t[..e], &t[e..]) } else { t };
        println!("{from:?} => {to:?} -> {}", try_open(&user, &t, "yaml"));
    }

    for prefix in ["\u{feff}%TAG ! tag:evil,1:\n---\n", "--- \u{feff}", "  \u{feff}", "---\n\u{feff}", "---\n  \u{feff}", "\u{feff}\u{feff}\u{feff}", "# x\n\u{feff}", "---\n# x\n\u{feff}"] {
        println!("{prefix:?} -> {}", try_open(&user, &format!("{prefix}{sealed}"), "yaml"));
    }
    for (at, what) in [("pw: ", "\u{feff}pw: "), ("pw: ", "pw: \u{feff}"), ("l: ", "l: \u{feff}"), ("a: yes", "a: yes \u{feff}"), ("a: yes", "a:\u{feff} yes"), ("a: yes", "a\u{feff}: yes"), ("a: yes", "\u{feff}a: yes"), ("sealeaf:", "\u{feff}sealeaf:"), ("sealeaf:", "---\n\u{feff}sealeaf:"), ("sealeaf:", "...\n\u{feff}---\nsealeaf:")] {
        println!("{at:?} => {what:?} -> {}", try_open(&user, &sealed.replacen(at, what, 1), "yaml"));
    }
    // comments
    let pol = Policy { comments: Comments::Encrypt, ..pol };
    for (f, text) in [("yaml", "# one\na: yes # two\n# three\npw: x\nl: # four\n  # five\n  - 1 # six\n  # seven\n# eight\nm: {a: 1, # nine\n  b: 2}\n# ten\n"), ("toml", "# one\na = 1 # two\n# three\npw = \"x\"\n# four\n[t] # five\n# six\nl = [1, # seven\n 2] # eight\n# nine\n[[u]]\n# ten\npw = \"a\"\n[[u]]\npw = \"a\" # eleven\n# twelve\n"), ("json", "// one\n{ // two\n  \"a\": 1, // three\n  /* four */ \"pw\": \"x\" /* five */, // six\n \"l\": [ // seven\n 1 // eight\n ]\n // nine\n} // ten\n"), ("yaml", "# only\n"), ("toml", "# only\n"), ("yaml", "--- # a\n# b\na: 1\n... # c\n# d\n--- # e\nb: 1 # f\n"), ("yaml", "a: {} # x\nb: [ # y\n]\n"), ("yaml", "a: |- # x\n  foo\n# y\nb: >\n  x\n # z\n"), ("toml", "a = {} # x\nb = [ # y\n]\n")] {
        let fm = by_name(f).unwrap();
        for patterns in [&["**.pw"][..], &["**"]] {
            let pol = Policy { selection: only(patterns, &[]), ..pol.clone() };
            let limits = Limits::default();
            let recipients = [user.recipient.clone()];
            let sealing = crate::file::Sealing { policy: pol, recipients: &recipients, allow_no_secrets: true, allow_comments: true };
            let doc = crate::file::parse(text, fm, &limits).unwrap();
            match user.with(|k| crate::file::seal(doc, fm, &sealing, k, &limits)) {
                Ok(s) => { let r = try_open(&user, &s.text, f); println!("{f} {patterns:?} {text:?} -> {} {}", r == format!("Sealed: {text:?}"), if r == format!("Sealed: {text:?}") {""} else {&r}); }
                Err(e) => println!("{f} {patterns:?} {text:?} seal refused: {e}"),
            }
        }
    }
    let _ = (policies(), State::Sealed, Cleartext::Free, Comments::Plain);
}
