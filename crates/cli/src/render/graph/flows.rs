//! Who waits for whom, with as few lines as say the same. Knows numbers only.

use std::ops::Range;

/// Each of `to` waits for all of `from`, and inside the lane for nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flow {
    pub from: Vec<usize>,
    pub to: Vec<usize>,
}

impl Flow {
    /// Its single lines.
    pub fn lines(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.to.iter().flat_map(|to| self.from.iter().map(move |from| (*from, *to)))
    }
}

/// The flows of one lane: a wait that others imply is left out, and nodes that wait for the same
/// are one flow. `waits` must point backwards; what lies outside of the lane is passed over.
pub fn reduced(lane: Range<usize>, waits: &[Vec<usize>]) -> Vec<Flow> {
    let words = lane.len().div_ceil(64);
    let mut before: Vec<u64> = vec![0; words * lane.len()];
    let mut flows: Vec<Flow> = Vec::new();
    let mut known: std::collections::HashMap<Vec<usize>, usize> = std::collections::HashMap::new();
    for node in lane.clone() {
        let row = (node - lane.start) * words;
        let mut direct: Vec<usize> = waits[node]
            .iter()
            .copied()
            .filter(|wait| lane.contains(wait) && *wait < node)
            .collect();
        direct.sort_unstable();
        direct.dedup();
        // Later ones first: only they can imply earlier ones.
        let mut kept = Vec::new();
        for wait in direct.into_iter().rev() {
            let at = wait - lane.start;
            if before[row + at / 64] & (1 << (at % 64)) != 0 {
                continue;
            }
            kept.push(wait);
            for word in 0..words {
                before[row + word] |= before[at * words + word];
            }
            before[row + at / 64] |= 1 << (at % 64);
        }
        if kept.is_empty() {
            continue;
        }
        kept.reverse();
        match known.get(&kept) {
            Some(flow) => flows[*flow].to.push(node),
            None => {
                known.insert(kept.clone(), flows.len());
                flows.push(Flow { from: kept, to: vec![node] });
            }
        }
    }
    flows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(count: usize, waits: &[(usize, usize)]) -> Vec<(Vec<usize>, Vec<usize>)> {
        let mut of = vec![Vec::new(); count];
        for (from, to) in waits {
            of[*to].push(*from);
        }
        reduced(0..count, &of).into_iter().map(|flow| (flow.from, flow.to)).collect()
    }

    #[test]
    fn a_wait_that_others_imply_is_left_out() {
        assert_eq!(lines(3, &[(0, 1), (1, 2), (0, 2)]), [(vec![0], vec![1]), (vec![1], vec![2])]);
    }

    #[test]
    fn nodes_that_wait_for_the_same_are_one_flow() {
        assert_eq!(
            lines(5, &[(0, 2), (1, 2), (0, 3), (1, 3), (2, 4), (3, 4)]),
            [(vec![0, 1], vec![2, 3]), (vec![2, 3], vec![4])]
        );
    }
}
