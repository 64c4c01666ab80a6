//! What git says of a linked file: the result of a merge, pieces that are all current, or neither.

use std::path::Path;

use sealeaf::envelope::native::{RecordKey, Sealed, explained, rolled_back};
use sealeaf::file::{OpenFile, SealedFile};
use sealeaf::format::Format;
use sealeaf::git::{At, Repo};

use super::report::Report;
use super::session::Session;

/// The three versions that a merge joined.
pub(crate) struct Merge {
    pub(crate) ours: SealedFile,
    pub(crate) theirs: SealedFile,
    pub(crate) bases: Vec<SealedFile>,
}

/// Whether the linked file is explained (`docs/design/format-v1.md`, section 8).
pub(crate) fn is_explained(session: &Session<'_>, open: &OpenFile, path: &Path) -> Result<bool, Report> {
    let Some((repo, relative)) = session.repository(path)? else { return Ok(false) };
    let format = open.sealed_file().format();
    let Some(head) = repo.commit("HEAD")? else { return Ok(false) };
    let incoming = repo.merge_heads()?;
    let committed = session.blob(&repo, &relative, At::Commit(head.as_str()), format)?;
    // A file that was committed as it is came with the commit that changed it last.
    let is_committed = committed.is_some_and(|committed| committed.text() == open.sealed_file().text());
    let commit = match repo.last_change(head.as_str(), &relative)? {
        Some(last) if is_committed && incoming.is_empty() => last,
        _ => head,
    };
    let parents = repo.parents(commit.as_str())?;
    let sides = match (incoming.as_slice(), parents.as_slice()) {
        ([other], _) => Some([commit.as_str(), other.as_str()]),
        ([], [one, two]) => Some([one.as_str(), two.as_str()]),
        _ => None,
    };
    if let Some(sides) = sides {
        let merge = merge(session, &repo, &relative, sides, format)?;
        return Ok(merge.is_some_and(|merge| explains(open, &merge)));
    }
    // No merge is left to look at (squash, rebase, cherry-pick): then nothing in the file may be old.
    let mut compared = false;
    for reference in [&commit].into_iter().chain(&parents).chain(&incoming) {
        let Some(before) = session.blob(&repo, &relative, At::Commit(reference.as_str()), format)? else {
            continue;
        };
        if !rollbacks(session, &repo, &relative, reference.as_str(), &before, open.sealed_file())?.is_empty()
        {
            return Ok(false);
        }
        // Against itself nothing is ever old.
        compared |= before.text() != open.sealed_file().text();
    }
    Ok(compared)
}

/// What went back behind the committed version: nothing where there is none.
pub(crate) fn went_back(session: &Session<'_>, open: &OpenFile, path: &Path) -> Result<Vec<String>, Report> {
    let file = open.sealed_file();
    let Some((repo, relative)) = session.repository(path)? else { return Ok(Vec::new()) };
    match session.blob(&repo, &relative, At::Commit("HEAD"), file.format())? {
        Some(before) => rollbacks(session, &repo, &relative, "HEAD", &before, file),
        None => Ok(Vec::new()),
    }
}

/// The parents of the merge in progress, or of the merge that HEAD is.
pub(crate) fn merging(repo: &Repo) -> Result<Option<[String; 2]>, Report> {
    let Some(head) = repo.commit("HEAD")? else { return Ok(None) };
    if let [other] = repo.merge_heads()?.as_slice() {
        return Ok(Some([head.to_string(), other.to_string()]));
    }
    Ok(match repo.parents("HEAD")?.as_slice() {
        [one, two] => Some([one.to_string(), two.to_string()]),
        _ => None,
    })
}

/// The versions of a file that a merge of two commits starts from; `None` where one is not there or not sealed.
pub(crate) fn merge(
    session: &Session<'_>,
    repo: &Repo,
    relative: &str,
    sides: [&str; 2],
    format: &'static dyn Format,
) -> Result<Option<Merge>, Report> {
    let of = |commit: &str| session.blob(repo, relative, At::Commit(commit), format);
    let (Some(ours), Some(theirs)) = (of(sides[0])?, of(sides[1])?) else { return Ok(None) };
    let mut bases = Vec::new();
    for base in repo.merge_bases(sides[0], sides[1])? {
        match of(base.as_str())? {
            Some(base) => bases.push(base),
            None => return Ok(None),
        }
    }
    Ok(Some(Merge { ours, theirs, bases }))
}

/// Whether `open` is what merging gives; both sides must authenticate with its data key.
pub(crate) fn explains(open: &OpenFile, merge: &Merge) -> bool {
    let authentic = |side: &SealedFile| side.sealed().authenticate(open.data_key()).is_ok();
    authentic(&merge.ours) && authentic(&merge.theirs) && explained_by(open.sealed_file(), merge)
}

/// The same by the records alone, without a key.
pub(crate) fn explained_by(file: &SealedFile, merge: &Merge) -> bool {
    let bases: Vec<&Sealed> = merge.bases.iter().map(SealedFile::sealed).collect();
    explained(file.sealed(), [merge.ours.sealed(), merge.theirs.sealed()], &bases)
}

/// What stands in `now`, differs from `before` and was in an earlier version already. Where the history is shallow, what
/// is not newer than everything in `before` counts.
pub(crate) fn rollbacks(
    session: &Session<'_>,
    repo: &Repo,
    relative: &str,
    reference: &str,
    before: &SealedFile,
    now: &SealedFile,
) -> Result<Vec<String>, Report> {
    if before.text() == now.text() {
        return Ok(Vec::new());
    }
    let mut history = Vec::new();
    if !repo.is_shallow()? {
        for version in repo.versions(reference, relative)? {
            let text = String::from_utf8(version?.content).ok();
            let parsed =
                text.and_then(|text| SealedFile::parse(&text, now.format(), &session.context.limits).ok());
            history.extend(parsed);
        }
    }
    Ok(rolled_back(now.sealed(), before.sealed(), history.iter().map(SealedFile::sealed)))
}

/// Which record `reseal` writes anew: the first token that the first parent changed since the merge base, else the
/// first of the newest records. So two branches that both merged and resealed do not meet.
pub(crate) fn record_to_reseal(
    session: &Session<'_>,
    open: &OpenFile,
    path: &Path,
) -> Result<Option<RecordKey>, Report> {
    let now = open.sealed_file().sealed();
    let order = now.record_order();
    if let Some((repo, relative)) = session.repository(path)?
        && let Some([one, two]) = merging(&repo)?
        && let Some(merge) = merge(session, &repo, &relative, [&one, &two], open.sealed_file().format())?
        && let Some(base) = merge.bases.first()
    {
        let (ours, base) = (merge.ours.sealed().records(), base.sealed().records());
        let changed = |key: &&RecordKey| {
            matches!(key, RecordKey::Token(_))
                && ours.get(key).map(|record| record.print) != base.get(key).map(|record| record.print)
        };
        if let Some(key) = order.iter().find(changed) {
            return Ok(Some(key.clone()));
        }
    }
    let (records, newest) = (now.records(), now.newest());
    Ok(order.into_iter().find(|key| records.get(key).is_some_and(|record| record.n == newest)))
}
