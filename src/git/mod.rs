//! stub
use std::path::{Path, PathBuf};
/// e
#[derive(Debug, thiserror::Error)]
#[error("git")]
pub struct GitError;
/// r
#[derive(Debug)]
pub struct Repo(PathBuf);
impl Repo {
    /// d
    pub fn discover(_p: &Path) -> Option<Self> {
        None
    }
    /// b
    pub fn blob(&self, _rev: &str, _rel: &str) -> Result<Option<Vec<u8>>, GitError> {
        Ok(None)
    }
    /// m
    pub fn merge_heads(&self) -> Result<Vec<String>, GitError> {
        Ok(vec![])
    }
}

/// t
pub enum Tracking {
    /// a
    Tracked,
    /// b
    Untracked,
    /// c
    Ignored,
}
impl Repo {
    /// r
    pub fn relative(&self, _p: &Path) -> Option<String> {
        None
    }
    /// t
    pub fn tracking(&self, _r: &str) -> Result<Tracking, GitError> {
        Ok(Tracking::Ignored)
    }
}
