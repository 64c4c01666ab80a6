//! Several people have to act together.

use super::{User, opened_by};
use crate::envelope::native::{EnvelopeError, Group, Header, shares};
use crate::file::seal::{Target, write};
use crate::file::{FileError, Next, Sealing, parse, seal};
use crate::format::{Limits, by_name};
use crate::keys::{Access, Recipient, Stanza, WrapContext};
use crate::policy::Policy;
use crate::secret::{DataKey, SecretBytes};

const TEXT: &str = "db:\n  password: hunter2\n";

fn names(groups: &[&[&User]], threshold: usize) -> Access {
    let group = |group: &&[&User]| group.iter().map(|user| user.recipient.clone()).collect();
    Access::new(groups.iter().map(group).collect(), threshold)
}

fn sealed(access: Access) -> String {
    let (yaml, limits) = (by_name("yaml").unwrap(), Limits::default());
    let sealing =
        Sealing { policy: Policy::default(), access, allow_no_secrets: false, allow_comments: false };
    let anyone = User::new("anyone");
    let document = parse(TEXT, yaml, &limits).unwrap();
    anyone.with(|keyring| seal(document, yaml, &sealing, keyring, &limits)).unwrap().text.to_string()
}

fn opens(users: &[&User], text: &str) -> Result<String, FileError> {
    let open = opened_by(&User::together(users), text)?;
    Ok(open.plain().source.to_string())
}

#[test]
fn as_many_as_are_needed_open_it() {
    let [a, b, c, d] = ["a", "b", "c", "d"].map(User::new);
    let text = sealed(names(&[&[&a, &b], &[&c], &[&d]], 2));
    for users in [&[&a, &c][..], &[&b, &c], &[&d, &a], &[&d, &c], &[&a, &b, &c, &d]] {
        assert_eq!(opens(users, &text).unwrap(), TEXT);
    }
    for (users, shown) in [
        (&[&a][..], "no usable key: 1 of the 2 groups of keys that are needed could be opened"),
        (&[&a, &b], "no usable key: 1 of the 2 groups of keys that are needed could be opened"),
        (&[], "no usable key: 0 of the 2 groups of keys that are needed could be opened"),
    ] {
        assert_eq!(opens(users, &text).unwrap_err().to_string(), shown);
    }
}

/// Fewer than are needed, every pair of shares but the right one, and what somebody changed in the file.
#[test]
fn ac_25_what_the_metadata_says_of_groups_cannot_be_changed() {
    let [a, b, c] = ["a", "b", "c"].map(User::new);
    let text = sealed(names(&[&[&a], &[&b], &[&c]], 2));
    let all = [&a, &b, &c];
    let start = text.find("  groups:").unwrap();
    let (head, rest) = text.split_at(start);
    let checks: Vec<&str> = rest.lines().filter(|line| line.contains("- check:")).collect();
    let [one, two, three] = checks.as_slice() else { panic!("{text}") };
    let last = &rest[rest.find(three).unwrap()..];
    let last = &last[..last.find("  record:").or_else(|| last.find("  head:")).unwrap_or(last.len())];
    for changed in [
        text.replace("threshold: 2", "threshold: 3"),
        text.replace("threshold: 2", "threshold: 1"),
        text.replace(one, two),
        text.replace(one, &one.replace("check: ", "check: A")),
        text.replace(last, ""),
        format!("{head}{}", rest.replacen(one, "X", 1).replacen(two, one, 1).replacen('X', two, 1)),
    ] {
        assert_ne!(changed, text);
        assert!(opens(&all, &changed).is_err(), "{changed}");
    }
}

/// What each group's keys hold is written by hand.
fn with_shares(users: &[&User], hold: impl Fn(usize, &DataKey, &[u8; 16]) -> SecretBytes) -> String {
    with_shares_and(users, None, hold)
}

/// The same, and the last group has one more key, which holds what it should.
fn with_shares_and(
    users: &[&User],
    more: Option<&User>,
    hold: impl Fn(usize, &DataKey, &[u8; 16]) -> SecretBytes,
) -> String {
    let (yaml, limits, key, fid) =
        (by_name("yaml").unwrap(), Limits::default(), DataKey::generate().unwrap(), [7; 16]);
    let portions = shares::divide(&key, (&fid, 5), users.len(), 2).unwrap();
    let group = |(index, (user, portion)): (usize, (&&User, &shares::Portion))| {
        let secret = match hold(index, &key, &fid) {
            secret if secret.expose().is_empty() => portion.secret.clone(),
            secret => secret,
        };
        let context = WrapContext { fid, epoch: 5 };
        let wrap = |user: &User, secret: &SecretBytes| -> Vec<Stanza> {
            let recipients: [Recipient; 1] = [user.recipient.clone()];
            user.with(|keyring| keyring.wrap(&recipients, secret, &context)).unwrap()
        };
        let mut stanzas = wrap(user, &secret);
        let more = more.filter(|_| index + 1 == users.len());
        stanzas.extend(more.into_iter().flat_map(|user| wrap(user, &portion.secret)));
        Group { check: portion.check, stanzas }
    };
    let groups = users.iter().zip(&portions).enumerate().map(group).collect();
    let target = Target {
        policy: Policy::default(),
        groups,
        threshold: 2,
        fid,
        epoch: 5,
        key: &key,
        before: None,
        touch: None,
    };
    write(&parse(TEXT, yaml, &limits).unwrap(), yaml, target, false, &limits).unwrap().text.to_string()
}

/// The culprit is named, and no wrong key is ever used.
#[test]
fn ac_77_a_wrong_share_is_named() {
    let [a, b] = ["a", "b"].map(User::new);
    let of_other = |fid: [u8; 16], epoch: u32, group: usize| -> SecretBytes {
        let key = DataKey::generate().unwrap();
        shares::divide(&key, (&fid, epoch), 2, 2).unwrap().remove(group).secret
    };
    let right = SecretBytes::default;
    assert_eq!(opens(&[&a, &b], &with_shares(&[&a, &b], |_, _, _| right())).unwrap(), TEXT);
    let mut zero = of_other([7; 16], 5, 1).expose().to_vec();
    zero[36] = 0;
    for (secret, reason) in [
        (of_other([7; 16], 5, 1), "the share of group 2 is not the one that the file names"),
        (of_other([8; 16], 5, 1), "the wrap belongs to another file"),
        (of_other([7; 16], 5, 0), "the wrap belongs to another group"),
        (of_other([7; 16], 4, 1), "the wrap belongs to another epoch"),
        (SecretBytes::new(zero), "the wrap holds a whole key, and the file says that groups share it"),
        (SecretBytes::new(vec![1; 33]), "the wrap was not made by sealeaf"),
    ] {
        let text = with_shares(&[&a, &b], |group, _, _| if group == 1 { secret.clone() } else { right() });
        let error = opens(&[&a, &b], &text).unwrap_err();
        assert_eq!(error.to_string(), format!("the wrapped key of group 2 is not this file's: {reason}"));
    }
}

/// An old share under a new epoch, and the other way round.
#[test]
fn ac_38_shares_of_two_epochs_do_not_mix() {
    let [a, b] = ["a", "b"].map(User::new);
    let old = DataKey::generate().unwrap();
    let stale = |group: usize, _: &DataKey, fid: &[u8; 16]| match group {
        1 => shares::divide(&old, (fid, 4), 2, 2).unwrap().remove(1).secret,
        _ => SecretBytes::default(),
    };
    let error = opens(&[&a, &b], &with_shares(&[&a, &b], stale)).unwrap_err().to_string();
    assert_eq!(error, "the wrapped key of group 2 is not this file's: the wrap belongs to another epoch");
}

/// Where a group has a good key too, a bad one stops nobody.
#[test]
fn another_key_of_the_group_is_tried() {
    let [a, b, c] = ["a", "b", "c"].map(User::new);
    let other = DataKey::generate().unwrap();
    let bad = |group: usize, _: &DataKey, fid: &[u8; 16]| match group {
        1 => shares::divide(&other, (fid, 5), 2, 2).unwrap().remove(1).secret,
        _ => SecretBytes::default(),
    };
    // The second group has its right share only for one more key.
    let text = with_shares_and(&[&a, &b], Some(&c), bad);
    assert_eq!(opens(&[&a, &b, &c], &text).unwrap(), TEXT);
    assert!(matches!(opens(&[&a, &b], &text), Err(FileError::Wrap { .. })));
}

#[test]
fn who_can_do_less_than_before_gets_a_new_key() {
    let [a, b, c] = ["a", "b", "c"].map(User::new);
    let text = sealed(names(&[&[&a], &[&b], &[&c]], 2));
    let both = User::together(&[&a, &b]);
    let next = |access: Access| {
        let open = opened_by(&both, &text).unwrap();
        let header: &Header = open.header();
        let commitment = header.commitment;
        let next = Next { access: Some(access), ..Next::default() };
        let change = both.with(|keyring| open.next(next, keyring, &Limits::default())).unwrap();
        let after = opened_by(&User::together(&[&a, &b, &c]), &change.sealed.text).unwrap();
        assert_eq!(after.plain().source.as_str(), TEXT);
        assert_eq!(after.header().commitment != commitment, change.rotated);
        (change.rotated, change.sealed.text.to_string())
    };
    let (rotated, same) = next(names(&[&[&a], &[&b], &[&c]], 2));
    assert_eq!((rotated, same), (false, text.clone()));
    let (rotated, raised) = next(names(&[&[&a], &[&b], &[&c]], 3));
    assert!(rotated && opens(&[&a, &b], &raised).is_err());
    let (rotated, lowered) = next(names(&[&[&a], &[&b], &[&c]], 1));
    assert!(!rotated && opens(&[&c], &lowered).is_ok());
    let (rotated, dropped) = next(names(&[&[&a], &[&b]], 2));
    assert!(rotated && opens(&[&a, &c], &dropped).is_err());
    let d = User::new("d");
    let (rotated, added) = next(names(&[&[&a], &[&b], &[&c, &d]], 2));
    assert!(!rotated);
    assert_eq!(opens(&[&d, &a], &added).unwrap(), TEXT);
}

#[test]
fn groups_need_members_and_have_a_limit() {
    let a = User::new("a");
    let seventeen: Vec<&[&User]> = vec![&[]; 2];
    let (yaml, limits) = (by_name("yaml").unwrap(), Limits::default());
    let attempt = |access: Access| {
        let sealing =
            Sealing { policy: Policy::default(), access, allow_no_secrets: false, allow_comments: false };
        let document = parse(TEXT, yaml, &limits).unwrap();
        a.with(|keyring| seal(document, yaml, &sealing, keyring, &limits)).map(|_| ()).unwrap_err()
    };
    assert!(matches!(attempt(names(&seventeen, 2)), FileError::NoRecipients));
    let many: Vec<User> = (0..17).map(|_| User::new("x")).collect();
    let groups: Vec<Vec<Recipient>> = many.iter().map(|user| vec![user.recipient.clone()]).collect();
    let error = attempt(Access::new(groups, 2));
    assert!(
        matches!(error, FileError::Unopenable(_) | FileError::Envelope(EnvelopeError::Metadata(_))),
        "{error}"
    );
}
