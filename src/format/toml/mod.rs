//! stub
use super::*;
pub(super) struct Toml;
impl Format for Toml {
    fn name(&self) -> &'static str {
        "toml"
    }
    fn code(&self) -> FormatCode {
        FormatCode::Toml
    }
    fn extensions(&self) -> &'static [&'static str] {
        &["toml"]
    }
    fn parse(&self, _text: &str, _limits: &Limits) -> Result<Document, ParseError> {
        unimplemented!()
    }
    fn spelling(&self, _d: &Document, _id: NodeId) -> Spelling {
        unimplemented!()
    }
    fn seal_leaf(&self, _d: &Document, _id: NodeId, _t: &str) -> Vec<Splice> {
        unimplemented!()
    }
    fn unseal_leaf(&self, _d: &Document, _id: NodeId, _v: &Value, _s: &Spelling) -> Option<Vec<Splice>> {
        unimplemented!()
    }
    fn unseal_default(&self, _d: &Document, _id: NodeId, _v: &Value) -> Vec<Splice> {
        unimplemented!()
    }
    fn attach(&self, _d: &Document, _n: &str, _e: &Tree) -> Result<Vec<Splice>, EditError> {
        unimplemented!()
    }
    fn detach(&self, _d: Document, _n: &str) -> Result<(Document, Option<Tree>), ParseError> {
        unimplemented!()
    }
    fn replace(&self, _d: &Document, _id: NodeId, _v: &Tree) -> Result<Vec<Splice>, EditError> {
        unimplemented!()
    }
    fn insert(&self, _d: &Document, _p: NodeId, _s: &Step, _v: &Tree) -> Result<Vec<Splice>, EditError> {
        unimplemented!()
    }
    fn remove(&self, _d: &Document, _id: NodeId) -> Result<Vec<Splice>, EditError> {
        unimplemented!()
    }
    fn render(&self, _v: &Tree) -> String {
        unimplemented!()
    }
}
