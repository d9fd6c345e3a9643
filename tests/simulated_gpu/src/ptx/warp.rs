//! What the lanes of a warp do together: shuffles, votes, reductions.

use super::grid::Fault;
use super::op::{Kernel, Op, Warp};
use super::thread::{State, Thread};

/// Does what the lanes of one warp have come to, once all that a mask names are there. False: some are still on the way.
pub(crate) fn together(kernel: &Kernel, lanes: &mut [Thread]) -> Result<bool, Fault> {
    let Some(first) = lanes.iter().position(|lane| lane.state == State::Together) else { return Ok(false) };
    let (at, mut party) = (lanes[first].at, Vec::new());
    let Op::Warp { what, to, valid, a, b, c, mask } = kernel.code[at] else {
        return Err(Fault::failed("a lane waits for its warp where it need not".into()));
    };
    let named = lanes[first].words[mask as usize];
    if named >> first & 1 == 0 {
        return Err(Fault::failed(format!("lane {first} is not in its own mask {named:#x} in `{}`", kernel.name)));
    }
    // Lanes that the block never had are named by every full mask, and count as absent.
    for (i, lane) in lanes.iter().enumerate().filter(|(i, _)| named >> i & 1 == 1) {
        match lane.state {
            State::Running => return Ok(false),
            State::Together if lane.at == at && lane.words[mask as usize] == named => party.push(i),
            _ => {
                return Err(Fault::failed(format!(
                    "lane {i} is named by the mask {named:#x} of lane {first}, but is elsewhere or has ended, in `{}`",
                    kernel.name
                )));
            }
        }
    }
    let own = |i: usize| lanes[i].words[a as usize];
    let votes = party.iter().filter(|i| own(**i) != 0).fold(0_u64, |votes, i| votes | 1 << i);
    let count = votes.count_ones() as usize;
    let results: Vec<(u64, bool)> = party
        .iter()
        .map(|&i| match what {
            Warp::Sync => (0, true),
            Warp::Ballot => (votes, true),
            Warp::Any => (u64::from(count > 0), true),
            Warp::All => (u64::from(count == party.len()), true),
            Warp::Uniform => (u64::from(count == 0 || count == party.len()), true),
            Warp::Reduce(f) => (party[1..].iter().fold(own(party[0]), |sum, i| f(sum, own(*i))), true),
            _ => {
                let words = &lanes[i].words;
                let (from, valid) = source(what, i as u64, words[b as usize], words[c as usize]);
                // Of a lane that is not there, nobody may rely on what comes.
                let value = if party.contains(&from) { own(from) } else { 0xabab_abab };
                (value, valid)
            }
        })
        .collect();
    for (&i, (value, is_valid)) in party.iter().zip(results) {
        let lane = &mut lanes[i];
        lane.words[valid as usize] = u64::from(is_valid);
        lane.words[to as usize] = value;
        lane.at += 1;
        lane.state = State::Running;
    }
    Ok(true)
}

/// From which lane a shuffle takes, and whether that lies in its segment. As in the ISA's own program for `shfl.sync`.
fn source(what: Warp, lane: u64, b: u64, c: u64) -> (usize, bool) {
    let (b, clamp, segment) = (b & 31, c & 31, c >> 8 & 31);
    let most = (lane & segment) | (clamp & !segment);
    let (from, valid) = match what {
        Warp::ShuffleUp => {
            let from = lane.wrapping_sub(b);
            (from, from.cast_signed() >= most.cast_signed())
        }
        Warp::ShuffleDown => (lane + b, lane + b <= most),
        Warp::ShuffleButterfly => (lane ^ b, (lane ^ b) <= most),
        _ => {
            let from = (lane & segment) | (b & !segment);
            (from, from <= most)
        }
    };
    (if valid { from } else { lane } as usize, valid)
}
