//! Saved state of the mailbox. Numbers are never reused; channel n has fields from 16 n + 16.

use super::Channel;
use hetemu_hw::{LoadError, Reader, Writer};

const WORDS: u16 = 0;
const LOST: u16 = 1;
const ENABLED: u16 = 2;

fn field(channel: usize, field: u16) -> u16 {
    channel as u16 * 16 + 16 + field
}

pub(super) fn save(channels: &[Channel], w: &mut Writer) {
    for (n, channel) in channels.iter().enumerate() {
        let bytes: Vec<u8> = channel.words.iter().flat_map(|v| v.to_le_bytes()).collect();
        w.bytes(field(n, WORDS), &bytes);
        w.int(field(n, LOST), channel.lost.into());
        w.int(field(n, ENABLED), channel.enabled.into());
    }
}

pub(super) fn load(
    r: &Reader<'_>,
    channels: usize,
    depth: usize,
) -> Result<Vec<Channel>, LoadError> {
    let flag = |field| match r.int(field)? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(LoadError::Bad(field)),
    };
    let channel = |n| {
        let words = field(n, WORDS);
        let bytes = r.bytes(words)?;
        let (each, rest) = bytes.as_chunks::<4>();
        if !rest.is_empty() || each.len() > depth {
            return Err(LoadError::Bad(words));
        }
        Ok(Channel {
            words: each.iter().map(|b| u32::from_le_bytes(*b)).collect(),
            lost: flag(field(n, LOST))?,
            enabled: flag(field(n, ENABLED))?,
        })
    };
    (0..channels).map(channel).collect()
}
