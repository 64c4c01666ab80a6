//! Configurations.

/// A configuration, a file, and whether native use takes it too: these mean the same for `sops` and for us, errors
/// included.
pub(super) const EQUAL: &[(&str, &str, bool)] = &[
    // Recipients.
    ("creation_rules:\n- age: K1\n", "a.yaml", true),
    ("creation_rules:\n- age: 'K1, ,K2,K1'\n", "a.yaml", true),
    ("creation_rules:\n- age: [K2, 'K1,K3', ~]\n", "a.yaml", true),
    ("creation_rules:\n- age: [K2, ' K1 , K3 ']\n", "a.yaml", true),
    ("creation_rules:\n- age: >-\n    K1,\n    K2\n", "a.yaml", true),
    ("creation_rules:\n- age: |\n    K1,\n    K2,\n", "a.yaml", true),
    ("creation_rules:\n- age: \"K1,\n\n    K2\"\n", "a.yaml", true),
    ("creation_rules:\n- age: [K1, 12]\n", "a.yaml", true),
    ("creation_rules:\n- age: [[K1]]\n", "a.yaml", true),
    ("creation_rules:\n- age: {a: K1}\n", "a.yaml", true),
    ("creation_rules:\n- age: 12\n", "a.yaml", true),
    ("creation_rules:\n- age: ~\n  pgp: ''\n", "a.yaml", true),
    ("creation_rules:\n- age: []\n", "a.yaml", true),
    ("creation_rules:\n- {}\n", "a.yaml", true),
    ("creation_rules:\n- Age: K1\n", "a.yaml", false),
    ("creation_rules:\n- hckms: r:uuid\n", "a.yaml", true),
    // Which rule.
    ("creation_rules:\n- path_regex: b\n  age: K1\n- age: K2\n", "a.yaml", true),
    ("creation_rules:\n- path_regex: \\.yaml$\n  age: K1\n- age: K2\n", "sub/a.yaml", true),
    ("creation_rules:\n- path_regex: ^a\n  age: K1\n- age: K2\n", "sub/a.yaml", true),
    ("creation_rules:\n- path_regex: ^sub/[^/]+$\n  age: K1\n- age: K2\n", "sub/x/a.yaml", true),
    ("creation_rules:\n- path_regex: ''\n  age: K1\n- age: K2\n", "a.yaml", true),
    ("creation_rules:\n- path_regex: ~\n  age: K1\n", "a.yaml", true),
    ("creation_rules:\n- path_regex: 5\n  age: K1\n- age: K2\n", "a5.yaml", true),
    ("creation_rules:\n- path_regex: (?i)SUB\n  age: K1\n- age: K2\n", "sub/a.yaml", true),
    (
        "creation_rules:\n- path_regex: '^[[:alpha:]]+/\\Qa.y\\E\\w+$'\n  age: K1\n- age: K2\n",
        "sub/a.yaml",
        true,
    ),
    ("creation_rules:\n- path_regex: '^\\pL+/a'\n  age: K1\n- age: K2\n", "süb/a.yaml", true),
    ("creation_rules:\n- path_regex: '^\\w+/a'\n  age: K1\n- age: K2\n", "süb/a.yaml", true),
    ("creation_rules:\n- path_regex: '('\n  age: K1\n", "a.yaml", true),
    ("creation_rules:\n- path_regex: '(?!b)'\n  age: K1\n", "a.yaml", true),
    ("creation_rules:\n- path_regex: b\n  age: K1\n", "a.yaml", true),
    ("creation_rules: []\n", "a.yaml", true),
    ("creation_rules: ~\n", "a.yaml", true),
    ("creation_rules:\n-\n- age: K1\n", "a.yaml", false),
    ("", "a.yaml", true),
    ("# nothing\n", "a.yaml", true),
    ("stores: {}\n", "a.yaml", true),
    ("creation_rules: {age: K1}\n", "a.yaml", true),
    ("[]\n", "a.yaml", true),
    ("text\n", "a.yaml", true),
    // Selectors and settings.
    ("creation_rules:\n- age: K1\n  encrypted_regex: ^(data|stringData)$\n", "a.yaml", true),
    ("creation_rules:\n- age: K1\n  unencrypted_regex: ^x$\n", "a.yaml", true),
    ("creation_rules:\n- age: K1\n  encrypted_suffix: _s\n", "a.yaml", true),
    ("creation_rules:\n- age: K1\n  unencrypted_suffix: _u\n", "a.yaml", true),
    ("creation_rules:\n- age: K1\n  encrypted_comment_regex: sops:enc\n", "a.yaml", true),
    ("creation_rules:\n- age: K1\n  unencrypted_comment_regex: sops:no\n", "a.yaml", true),
    ("creation_rules:\n- age: K1\n  encrypted_regex: 5\n", "a.yaml", true),
    ("creation_rules:\n- age: K1\n  encrypted_regex: True\n", "a.yaml", true),
    ("creation_rules:\n- age: K1\n  encrypted_regex: 0x10\n", "a.yaml", true),
    ("creation_rules:\n- age: K1\n  encrypted_regex: 1.50\n", "a.yaml", true),
    ("creation_rules:\n- age: K1\n  encrypted_regex: !!str 5\n", "a.yaml", true),
    ("creation_rules:\n- age: K1\n  encrypted_regex: ~\n", "a.yaml", true),
    ("creation_rules:\n- age: K1\n  encrypted_regex: [a]\n", "a.yaml", true),
    ("creation_rules:\n- age: K1\n  encrypted_regex: a\n  encrypted_suffix: b\n", "a.yaml", true),
    ("creation_rules:\n- age: K1\n  encrypted_regex: a\n  unencrypted_comment_regex: b\n", "a.yaml", true),
    ("creation_rules:\n- age: K1\n  mac_only_encrypted: true\n", "a.yaml", true),
    ("creation_rules:\n- age: K1\n  mac_only_encrypted: yes\n", "a.yaml", true),
    ("creation_rules:\n- age: K1\n  mac_only_encrypted: 'ON'\n", "a.yaml", true),
    ("creation_rules:\n- age: K1\n  mac_only_encrypted: off\n", "a.yaml", true),
    ("creation_rules:\n- age: K1\n  mac_only_encrypted: 'true'\n", "a.yaml", true),
    ("creation_rules:\n- age: K1\n  mac_only_encrypted: 1\n", "a.yaml", true),
    ("creation_rules:\n- age: K1\n  shamir_threshold: 2\n", "a.yaml", true),
    ("creation_rules:\n- age: K1\n  shamir_threshold: 0\n", "a.yaml", true),
    ("creation_rules:\n- age: K1\n  shamir_threshold: '2'\n", "a.yaml", true),
    ("creation_rules:\n- age: K1\n  foo: 1\n", "a.yaml", false),
    // Key groups.
    ("creation_rules:\n- key_groups: [{age: [K1]}, {age: [K2]}]\n", "a.yaml", true),
    (
        "creation_rules:\n- key_groups: [{age: [K1]}, {age: [K2]}, {age: [K3]}]\n  shamir_threshold: 2\n",
        "a.yaml",
        true,
    ),
    ("creation_rules:\n- key_groups: [{age: [K1]}, {age: [K2]}]\n  shamir_threshold: 3\n", "a.yaml", true),
    ("creation_rules:\n- key_groups: [{age: [K1]}, {age: [K2]}]\n  shamir_threshold: 1\n", "a.yaml", true),
    ("creation_rules:\n- key_groups: [{age: [K1, K2, K1]}]\n", "a.yaml", true),
    ("creation_rules:\n- key_groups: [{age: ['K1,K2']}]\n", "a.yaml", true),
    ("creation_rules:\n- key_groups: [{age: K1}]\n", "a.yaml", true),
    (
        "creation_rules:\n- key_groups: [{age: [K1], merge: [{age: [K3]}, {merge: [{age: [K2]}]}]}]\n",
        "a.yaml",
        true,
    ),
    ("creation_rules:\n- key_groups: [{age: [K1], merge: {age: [K3]}}]\n", "a.yaml", true),
    ("creation_rules:\n- key_groups: [{age: [K1], foo: [K3]}]\n", "a.yaml", false),
    ("creation_rules:\n- key_groups: [{age: [K1], kms: [arn]}]\n", "a.yaml", true),
    ("creation_rules:\n- key_groups: {age: [K1]}\n", "a.yaml", true),
    ("creation_rules:\n- key_groups: [{age: [K1]}]\n  age: K2\n", "a.yaml", false),
    ("creation_rules:\n- key_groups: []\n  age: K2\n", "a.yaml", true),
    ("creation_rules:\n- key_groups: [~]\n  age: K2\n", "a.yaml", false),
    // Anchors and merge keys.
    ("keys:\n- &a K1\n- &b K2\ncreation_rules:\n- age: [*a, *b]\n", "a.yaml", true),
    ("keys:\n- &a K1\n- &b K2\ncreation_rules:\n- key_groups:\n  - age: [*a, *b]\n", "a.yaml", true),
    ("x: &g {age: [K1]}\ncreation_rules:\n- key_groups: [{merge: [*g], age: [K2]}, *g]\n", "a.yaml", true),
    ("creation_rules:\n- &a {path_regex: b, age: K1}\n- <<: *a\n  path_regex: a\n", "a.yaml", true),
    (
        "x: &a {age: K1, encrypted_regex: b}\ncreation_rules:\n- <<: *a\n  encrypted_regex: c\n",
        "a.yaml",
        true,
    ),
    (
        "x: &a {age: K1, encrypted_regex: b}\ncreation_rules:\n- encrypted_regex: c\n  <<: *a\n",
        "a.yaml",
        true,
    ),
    (
        "x: &a {age: K1, encrypted_regex: b}\ncreation_rules:\n- <<: *a\n  encrypted_regex: ~\n",
        "a.yaml",
        true,
    ),
    (
        "a: &a {encrypted_regex: q}\nb: &b {age: K2, encrypted_regex: z}\ncreation_rules:\n- <<: [*a, *b]\n",
        "a.yaml",
        true,
    ),
    (
        "a: &a {encrypted_regex: q}\nb: &b {age: K2, encrypted_regex: z}\ncreation_rules:\n- <<: [*b, *a]\n",
        "a.yaml",
        true,
    ),
    ("c: &c {age: K1}\nb: &b {<<: *c, encrypted_regex: z}\ncreation_rules:\n- <<: *b\n", "a.yaml", true),
    ("creation_rules:\n- <<: {age: K1}\n", "a.yaml", true),
    ("creation_rules:\n- <<: 5\n  age: K1\n", "a.yaml", true),
    ("creation_rules:\n- age: *nobody\n", "a.yaml", true),
    ("b: &b {age: K1}\ncreation_rules:\n- \"<<\": *b\n", "a.yaml", false),
    // The file.
    ("creation_rules:\n- age: K1\n  age: K2\n", "a.yaml", true),
    ("creation_rules:\n- age: K1\n---\ncreation_rules:\n- age: K2\n", "a.yaml", false),
    ("---\ncreation_rules:\n- age: K1\n...\n", "a.yaml", true),
    ("%YAML 1.1\n---\ncreation_rules:\n- age: K1\n", "a.yaml", true),
    ("\u{feff}creation_rules:\r\n- age: K1\r\n", "a.yaml", true),
    ("{\"creation_rules\":[{\"age\":\"K1\"}]}", "a.yaml", true),
    ("creation_rules:\n- age:\tK1\n", "a.yaml", true),
    ("creation_rules:\n- age: [K1\n", "a.yaml", true),
    ("creation_rules:\n- age: K1\nother: 1\n", "a.yaml", false),
    ("stores: {yaml: {indent: x}}\ncreation_rules:\n- age: K1\n", "a.yaml", true),
    (
        "stores: {yaml: {indent: 2, color: red}, ini: {}, dotenv: {}}\ncreation_rules:\n- age: K1\n",
        "a.yaml",
        false,
    ),
];

/// `sops` takes these; we refuse them in both uses.
pub(super) const STRICTER: &[&str] = &[
    "creation_rules:\n- age: K1\n  encrypted_regex: '('\n",
    "creation_rules:\n- age: K1\n  encrypted_regex: ''\n",
    "creation_rules:\n- age: K1\n  encrypted_regex: a\n  unencrypted_suffix: ''\n",
    "creation_rules:\n- age: K1\n  encrypted_regex: !local a\n",
    "creation_rules:\n- age: K1\n  encrypted_regex: !!binary YQ==\n",
    "creation_rules:\n- age: K1\n  shamir_threshold: 2.5\n",
    "creation_rules:\n- age: K1\n  shamir_threshold: 010\n",
    "creation_rules:\n- age: K1\n  shamir_threshold: -1\n",
    "creation_rules:\n- age: K1\n- path_regex: b\n  age: 12\n",
    "creation_rules:\n- age: K1\n- path_regex: '('\n  age: K2\n",
    "creation_rules:\n- age: K1\nx: {a: 1, a: 2}\n",
    "creation_rules:\n- age: K1\n---\nother: [\n",
    "creation_rules:\n- age: K1\ndestination_rules:\n- s3_bucket: a\n  gcs_bucket: b\n",
    "creation_rules:\n- age: K1\nstores: {json_binary: {indent: -2}}\n",
    "creation_rules:\n- key_groups: [{}]\n",
];

/// Keys of every type.
pub(super) const KEYS: &[&str] = &[
    "creation_rules:
- kms: 'arn:aws:kms:us-east-1:1:key/a+arn:aws:iam::1:role/r, arn:aws:kms:us-east-1:1:key/b'
  aws_profile: team
  age: K2
  pgp: [aaaa bbbb, ' cc', 'dd,ee']
  gcp_kms: [projects/p/locations/l/keyRings/r/cryptoKeys/k]
  hckms: ['r:uuid']
  azure_keyvault: https://v.vault.azure.net/keys/k/abc
  hc_vault_transit_uri: 'https://v:8200/v1/a/b/keys/k, http://v/v1/t/keys/k/'
",
    "creation_rules:
- key_groups:
  - merge:
    - age: [K3]
      pgp: [AAAA BBBB]
    age: [K2, K2]
    pgp: [0123456789ABCDEF0123456789ABCDEF01234567, 1234]
    kms:
    - {arn: 'arn:aws:kms:us-east-1:1:key/a', role: 'arn:aws:iam::1:role/r', context: {b: c, a: 1}, aws_profile: team}
    - {arn: 'arn:aws:kms:us-east-1:1:key/a', role: 'arn:aws:iam::1:role/r', context: {b: c}}
    - {arn: 'arn:aws:kms:us-east-1:1:key/a', aws_profile: ''}
    - {arn: 'arn:aws:kms:us-east-1:1:key/a'}
    gcp_kms: [{resource_id: projects/p/locations/l/keyRings/r/cryptoKeys/k}]
    hckms: [{key_id: 'r:uuid'}]
    azure_keyvault: [{vaultUrl: 'https://v.vault.azure.net', key: k, version: abc}]
    hc_vault: ['https://v:8200/v1/a/b/keys/k']
  - hc_vault: ['https://v:8200/v1/a/b/keys/k']
",
];
