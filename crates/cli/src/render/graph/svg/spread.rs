//! Numbers on a line, each as near as may be to where it wants to be, some of them at least so far
//! apart. After Dwyer, Marriott and Stuckey, "Fast node overlap removal", without its second pass.

/// `right` is at least `by` to the right of `left`.
#[derive(Debug, Clone, Copy)]
pub struct Apart {
    pub left: usize,
    pub right: usize,
    pub by: f64,
}

/// Numbers that moved together, because they would have come too near.
struct Block {
    members: Vec<usize>,
    /// Weighted sum of where the members want the block to be, and the weights.
    sum: f64,
    weight: f64,
}

impl Block {
    fn at(&self) -> f64 {
        self.sum / self.weight
    }
}

/// Where each wants to be, and how much; `apart` must not go in circles.
pub fn spread(wanted: &[(f64, f64)], apart: &[Apart]) -> Vec<f64> {
    let mut to_left: Vec<Vec<Apart>> = vec![Vec::new(); wanted.len()];
    apart.iter().for_each(|apart| to_left[apart.right].push(*apart));
    let mut block_of: Vec<usize> = (0..wanted.len()).collect();
    let mut offset = vec![0.0; wanted.len()];
    let mut blocks: Vec<Block> = wanted
        .iter()
        .enumerate()
        .map(|(at, (x, weight))| Block { members: vec![at], sum: x * weight, weight: *weight })
        .collect();
    for next in left_to_right(wanted.len(), apart) {
        let mut block = block_of[next];
        while let Some(near) = nearest(block, &blocks, &block_of, &offset, &to_left) {
            let other = block_of[near.left];
            // The right block joins the left one at the least distance.
            let shift = offset[near.left] + near.by - offset[near.right];
            let moved = std::mem::take(&mut blocks[block].members);
            for member in &moved {
                offset[*member] += shift;
                block_of[*member] = other;
            }
            let (sum, weight) = (blocks[block].sum, blocks[block].weight);
            let joined = &mut blocks[other];
            joined.members.extend(moved);
            joined.sum += sum - shift * weight;
            joined.weight += weight;
            block = other;
        }
    }
    (0..wanted.len()).map(|at| blocks[block_of[at]].at() + offset[at]).collect()
}

/// The worst case of too near between a block and one to its left.
fn nearest(
    block: usize,
    blocks: &[Block],
    block_of: &[usize],
    offset: &[f64],
    to_left: &[Vec<Apart>],
) -> Option<Apart> {
    let at = |number: usize| blocks[block_of[number]].at() + offset[number];
    let outside = blocks[block]
        .members
        .iter()
        .flat_map(|member| &to_left[*member])
        .filter(|apart| block_of[apart.left] != block);
    let too_near = outside.map(|apart| (at(apart.left) + apart.by - at(apart.right), *apart));
    let worst = too_near.filter(|(by, _)| *by > 1e-6).max_by(|a, b| a.0.total_cmp(&b.0));
    worst.map(|(_, apart)| apart)
}

fn left_to_right(count: usize, apart: &[Apart]) -> Vec<usize> {
    let mut waits = vec![0; count];
    let mut next: Vec<Vec<usize>> = vec![Vec::new(); count];
    for apart in apart {
        waits[apart.right] += 1;
        next[apart.left].push(apart.right);
    }
    let mut order: Vec<usize> = (0..count).filter(|number| waits[*number] == 0).collect();
    let mut at = 0;
    while let Some(number) = order.get(at).copied() {
        at += 1;
        for right in &next[number] {
            waits[*right] -= 1;
            if waits[*right] == 0 {
                order.push(*right);
            }
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_come_too_near_shares_the_way_that_it_gives() {
        let apart = [Apart { left: 0, right: 1, by: 10.0 }];
        assert_eq!(spread(&[(0.0, 1.0), (0.0, 1.0)], &apart), [-5.0, 5.0]);
        assert_eq!(spread(&[(0.0, 3.0), (0.0, 1.0)], &apart), [-2.5, 7.5]);
        assert_eq!(spread(&[(0.0, 1.0), (50.0, 1.0)], &apart), [0.0, 50.0]);
    }

    #[test]
    fn all_distances_hold_after_several_blocks_met() {
        let wanted: Vec<_> = (0..30).map(|at| (f64::from(at * 7 % 11), 1.0)).collect();
        let apart: Vec<_> = (1..30)
            .flat_map(|right| [1, 3, 7].map(|back| (right, back)))
            .filter(|(right, back)| back <= right)
            .map(|(right, back)| Apart { left: right - back, right, by: back as f64 * 4.0 })
            .collect();
        let x = spread(&wanted, &apart);
        assert!(apart.iter().all(|apart| x[apart.left] + apart.by <= x[apart.right] + 1e-3));
    }
}
