//! A document in few bytes, for whoever needs it again with the same text: reading those back takes a
//! tenth of the time that reading YAML takes. Bytes of another layout, or that do not fit the text, are
//! no document; the text is then read once more.

use rustc_hash::FxHashSet;

use super::{Document, HeldIn, Kind, NodeData, NodeId};
use crate::source::FileId;

/// Grows with every change of what is written here.
const LAYOUT: u32 = 1;

const PLAIN: u32 = 1;
const REWRITTEN: u32 = 2;
const LIST: u32 = 4;
const MAP: u32 = 8;

impl Document<'_> {
    /// Nothing is hidden from whoever reads it: what the schema refuses is not kept.
    pub fn pack(&self) -> Vec<u8> {
        let mut out = Packer { bytes: Vec::with_capacity(self.nodes.len() * 5) };
        out.number(LAYOUT);
        out.number(self.text.len() as u32);
        out.number(self.rewritten.len() as u32);
        for text in &self.rewritten {
            out.number(text.len() as u32);
            out.bytes.extend(text.as_bytes());
        }
        out.number(self.nodes.len() as u32);
        let mut before = 0;
        for node in &self.nodes {
            out.apart(node.start, before);
            before = node.start;
            out.number(node.end - node.start);
            match node.kind {
                Kind::Scalar { held, plain } => {
                    let plain = if plain { PLAIN } else { 0 };
                    match held {
                        HeldIn::Text { start, end } => {
                            out.number(plain);
                            out.apart(start, node.start);
                            out.number(end - start);
                        }
                        HeldIn::Rewritten(at) => {
                            out.number(plain | REWRITTEN);
                            out.number(at);
                        }
                    }
                }
                Kind::List { first, count } => out.family(LIST, first, count),
                Kind::Map { first, count } => out.family(MAP, first, count),
            }
        }
        out.number(self.children.len() as u32);
        let mut before = 0;
        for child in &self.children {
            out.apart(child.0, before);
            before = child.0;
        }
        out.number(self.root.0);
        out.bytes
    }
}

impl<'t> Document<'t> {
    /// What `pack` made of a document of this text.
    pub fn unpack(file: FileId, text: &'t str, bytes: &[u8]) -> Option<Document<'t>> {
        let mut from = Unpacker { bytes };
        if from.number()? != LAYOUT || from.number()? as usize != text.len() {
            return None;
        }
        let count = from.count()?;
        let mut rewritten = Vec::with_capacity(count);
        for _ in 0..count {
            rewritten.push(from.text()?);
        }
        let count = from.count()?;
        let mut nodes = Vec::with_capacity(count);
        let mut before = 0;
        for _ in 0..count {
            let start = from.apart(before)?;
            before = start;
            let end = start.checked_add(from.number()?)?;
            let kind = match from.number()? {
                kind @ (0 | PLAIN) => {
                    let start = from.apart(start)?;
                    let end = start.checked_add(from.number()?)?;
                    text.get(start as usize..end as usize)?;
                    Kind::Scalar { held: HeldIn::Text { start, end }, plain: kind == PLAIN }
                }
                kind @ (REWRITTEN | 3) => {
                    let at = from.number()?;
                    rewritten.get(at as usize)?;
                    Kind::Scalar { held: HeldIn::Rewritten(at), plain: kind & PLAIN != 0 }
                }
                LIST => Kind::List { first: from.number()?, count: from.number()? },
                MAP => Kind::Map { first: from.number()?, count: from.number()? },
                _ => return None,
            };
            text.get(start as usize..end as usize)?;
            nodes.push(NodeData { start, end, kind });
        }
        let count = from.count()?;
        let mut children = Vec::with_capacity(count);
        let mut before = 0;
        for _ in 0..count {
            before = from.apart(before)?;
            children.push(NodeId(before));
        }
        let root = NodeId(from.number()?);
        nodes.get(root.0 as usize)?;
        is_tree(&nodes, &children).then_some(())?;
        Some(Document {
            file,
            text,
            nodes,
            children,
            rewritten,
            root,
            pruned: FxHashSet::default(),
        })
    }
}

/// Nodes come behind all that they hold, so that nobody who goes down can go in a circle.
fn is_tree(nodes: &[NodeData], children: &[NodeId]) -> bool {
    nodes.iter().enumerate().all(|(at, node)| {
        let (first, count, pairs) = match node.kind {
            Kind::List { first, count } => (first as usize, count as usize, false),
            Kind::Map { first, count } => (first as usize, count as usize, true),
            Kind::Scalar { .. } => return true,
        };
        let held = children.get(first..first + count);
        held.is_some_and(|held| held.iter().all(|child| (child.0 as usize) < at))
            && !(pairs && count % 2 == 1)
    })
}

struct Packer {
    bytes: Vec<u8>,
}

impl Packer {
    /// Seven bits in each byte, the lowest first.
    fn number(&mut self, mut number: u32) {
        while number >= 0x80 {
            self.bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.bytes.push(number as u8);
    }

    /// How far from another number, in either direction: mostly a step or two.
    fn apart(&mut self, number: u32, other: u32) {
        let apart = number.wrapping_sub(other) as i32;
        self.number((apart << 1 ^ apart >> 31) as u32);
    }

    fn family(&mut self, kind: u32, first: u32, count: u32) {
        self.number(kind);
        self.number(first);
        self.number(count);
    }
}

struct Unpacker<'b> {
    bytes: &'b [u8],
}

impl Unpacker<'_> {
    fn number(&mut self) -> Option<u32> {
        let mut number = 0;
        for shift in [0, 7, 14, 21, 28] {
            let (byte, rest) = self.bytes.split_first()?;
            self.bytes = rest;
            number |= u32::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    /// Of things that take at least a byte each: damage cannot ask for more memory than there is.
    fn count(&mut self) -> Option<usize> {
        let count = self.number()? as usize;
        (count <= self.bytes.len()).then_some(count)
    }

    fn apart(&mut self, other: u32) -> Option<u32> {
        let folded = self.number()?;
        let apart = (folded >> 1) as i32 ^ -((folded & 1) as i32);
        Some(other.wrapping_add(apart as u32))
    }

    fn text(&mut self) -> Option<String> {
        let length = self.number()? as usize;
        let (text, rest) = self.bytes.split_at_checked(length)?;
        self.bytes = rest;
        String::from_utf8(text.to_vec()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "plan: é\nlist:\n  - 1\n  - 'two'\n  - \"th\\tree\"\n  - &a { deep: x }\n  - *a\n  \
        - |\n    l1\n\n    l2\nempty:\n";

    fn document(text: &str) -> Document<'_> {
        let mut found = Vec::new();
        let document = Document::parse(FileId(0), text, &mut found);
        assert!(found.is_empty(), "{found:?}");
        document.expect("it is YAML")
    }

    #[test]
    fn what_comes_back_is_what_was_packed() {
        let document = document(TEXT);
        let again = Document::unpack(FileId(0), TEXT, &document.pack()).expect("it fits");
        assert_eq!(format!("{again:?}"), format!("{document:?}"));
        assert_eq!(again.root().to_json()["list"][4]["deep"], "x");
    }

    #[test]
    fn damage_is_no_document_or_one_that_can_be_walked() {
        let packed = document(TEXT).pack();
        for at in 0..packed.len() {
            assert!(Document::unpack(FileId(0), TEXT, &packed[..at]).is_none(), "cut at {at}");
            for bit in 0..8 {
                let mut damaged = packed.clone();
                damaged[at] ^= 1 << bit;
                if let Some(document) = Document::unpack(FileId(0), TEXT, &damaged) {
                    document.root().to_json();
                }
            }
        }
        assert!(Document::unpack(FileId(0), "another text", &packed).is_none());
    }
}
