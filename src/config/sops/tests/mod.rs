mod errors;
mod places;
mod rules;

use std::path::Path;

use super::{SopsConfig, Strictness};
use crate::config::ConfigError;

fn parse(text: &str) -> Result<SopsConfig, ConfigError> {
    SopsConfig::parse(text, Path::new(".sops.yaml"), Strictness::Native)
}

fn parse_leniently(text: &str) -> SopsConfig {
    SopsConfig::parse(text, Path::new(".sops.yaml"), Strictness::Sops).unwrap()
}
