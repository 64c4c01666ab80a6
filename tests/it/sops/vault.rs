//! Vault keys: the real `sops` and this one read each other's files, through the real OpenBao.

use super::face::Twins;
use crate::support::servers::Server;
use crate::support::skip;

#[test]
fn vault_keys_go_both_ways() {
    let (Some(twins), Some(vault)) = (Twins::new(), Server::openbao()) else {
        return skip("sops or OpenBao is not installed");
    };
    assert_eq!(vault.vault("POST", "sys/mounts/a/deep", "{\"type\":\"transit\"}").0, 204);
    let address = vault.url();
    let environment = [("VAULT_ADDR", address.as_str()), ("VAULT_TOKEN", "root")];
    for engine in ["transit", "a/deep"] {
        assert_eq!(vault.vault("POST", &format!("{engine}/keys/sops"), "{}").0, 200);
        let key = format!("{address}/v1/{engine}/keys/sops");
        for (from, to) in [("real", "ours"), ("ours", "real")] {
            let sealed =
                twins.run(from, &["encrypt", "--hc-vault-transit", &key, "p.yaml"], &environment, "");
            assert_eq!(sealed.code, 0, "{from}: {}", sealed.stderr);
            assert!(sealed.stdout.contains("enc: vault:v1:") && sealed.stdout.contains("key_name: sops"));
            twins.write("v.yaml", &sealed.stdout);
            let plain = std::fs::read_to_string(twins.path(to, "p.yaml")).unwrap();
            let opened = twins.run(to, &["decrypt", "v.yaml"], &environment, "");
            assert_eq!(opened.code, 0, "{to}: {}", opened.stderr);
            let own = twins.run(from, &["decrypt", "v.yaml"], &environment, "");
            assert_eq!(opened.stdout, own.stdout);
            assert!(plain.len() > 10);
            let rotated = twins.run(to, &["rotate", "v.yaml"], &environment, "");
            assert_eq!(rotated.code, 0, "{to}: {}", rotated.stderr);
            twins.write("v.yaml", &rotated.stdout);
            assert_eq!(twins.run(from, &["decrypt", "v.yaml"], &environment, "").stdout, own.stdout);
        }
    }
}
