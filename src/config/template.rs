//! The first configuration of a repository.

use toml_edit::{Key, Value};

/// The commented configuration that `init` writes, for one age recipient.
#[must_use]
pub fn template(name: &str, id: &str) -> String {
    let key = Key::new(name);
    let (name, id) = (Value::from(name), Value::from(id));
    format!(
        "\
# Which files of this repository hold secrets, and who can read them.
# Nothing here is secret; changes deserve a review.
version = 1

# People and machines by name: `sealeaf recipients add NAME KEY`.
# Groups are lists of names: team = [\"alice\", \"bob\"].
[recipients]
{key} = {{ age = {id} }}

# The first rule whose globs match a file is used.
# Globs begin at the repository root; `**` is any number of folders.
[[rule]]
files = [\"secrets/**\", \"**/*.enc.*\"]
to = [{name}]
# encrypt = [\"**\"]                 # which values are sealed: all, where nothing is said
# clear = [\"kind\", \"metadata.**\"]  # which stay readable all the same
"
    )
}
