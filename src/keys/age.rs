//! stub
use super::*;
/// The age backend.
#[derive(Debug)]
pub struct Age;
impl KeyBackend for Age {
    fn name(&self) -> &'static str {
        "age"
    }
    fn is_local(&self) -> bool {
        true
    }
    fn parse(&self, _id: &str) -> Result<String, KeyError> {
        unimplemented!()
    }
    fn wrap<'a>(
        &'a self,
        _k: &'a KeyRef,
        _s: &'a SecretBytes,
        _c: &'a WrapContext,
        _r: &'a Run<'a>,
    ) -> Pending<'a, Result<Vec<u8>, KeyError>> {
        unimplemented!()
    }
    fn unwrap<'a>(&'a self, _s: &'a Stanza, _c: &'a WrapContext, _r: &'a Run<'a>) -> Pending<'a, Unwrapped> {
        unimplemented!()
    }
}
