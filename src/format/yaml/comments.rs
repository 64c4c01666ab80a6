//! Which container a comment belongs to.

use crate::document::{Comment, Kind, Node, NodeId};

/// Sets each comment's container: the innermost map or list open at its first byte. `comments` are in order of
/// position; nodes come in order of first mention, so one pass over both does it.
pub(super) fn place(nodes: &[Node], comments: &mut [Comment]) {
    let mut open: Vec<(NodeId, usize)> = Vec::new();
    let mut next = (0..).map(NodeId).zip(nodes).peekable();
    for comment in comments {
        let at = comment.span.start;
        while let Some((id, node)) = next.next_if(|(_, node)| node.span.start <= at) {
            if matches!(node.kind, Kind::Map(_) | Kind::List(_)) {
                open.truncate(open.iter().position(|(_, end)| *end <= node.span.start).unwrap_or(open.len()));
                open.push((id, node.span.end));
            }
        }
        open.truncate(open.iter().position(|(_, end)| *end <= at).unwrap_or(open.len()));
        comment.container = open.last().map(|(id, _)| *id);
    }
}
