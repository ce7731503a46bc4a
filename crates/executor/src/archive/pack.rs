//! Packs and unpacks streams. `plan` itself stands in the pipe behind a dump, so that no machine needs a
//! packer, and the file is exactly what zstd or gzip would have made.

use std::io::{self, BufReader, Read, Write};

/// zstd's own default.
const ZSTD_LEVEL: i32 = 3;

/// Everything of one stream into another; the last bytes are out when it returns.
pub fn pack(how: &str, from: &mut dyn Read, to: &mut dyn Write) -> io::Result<u64> {
    let mut from = BufReader::with_capacity(1 << 17, from);
    let count = match how {
        "zstd" => {
            let mut packer = zstd::Encoder::new(to, ZSTD_LEVEL)?;
            packer.include_checksum(true)?;
            let count = io::copy(&mut from, &mut packer)?;
            packer.finish()?.flush()?;
            count
        }
        "gzip" => {
            let mut packer = flate2::write::GzEncoder::new(to, flate2::Compression::default());
            let count = io::copy(&mut from, &mut packer)?;
            packer.finish()?.flush()?;
            count
        }
        "none" => {
            let count = io::copy(&mut from, to)?;
            to.flush()?;
            count
        }
        other => return Err(io::Error::other(format!("nobody can pack with {other}"))),
    };
    Ok(count)
}

/// What a packed stream holds.
pub fn reader(from: Box<dyn Read + Send>, how: &str) -> io::Result<Box<dyn Read + Send>> {
    let file = BufReader::with_capacity(1 << 17, from);
    Ok(match how {
        "zstd" => Box::new(zstd::Decoder::with_buffer(file)?),
        // Several of them one behind the other are one, for gzip.
        "gzip" => Box::new(flate2::bufread::MultiGzDecoder::new(file)),
        _ => Box::new(file),
    })
}

/// What a packed stream holds, into another.
pub fn unpack(how: &str, from: &mut dyn Read, to: &mut dyn Write) -> io::Result<u64> {
    let from = BufReader::with_capacity(1 << 17, from);
    let mut from: Box<dyn Read + '_> = match how {
        "zstd" => Box::new(zstd::Decoder::with_buffer(from)?),
        "gzip" => Box::new(flate2::bufread::MultiGzDecoder::new(from)),
        _ => Box::new(from),
    };
    let count = io::copy(&mut from, to)?;
    to.flush()?;
    Ok(count)
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::path::Path;

    use super::*;

    fn open(path: &Path, how: &str) -> io::Result<Box<dyn Read + Send>> {
        reader(Box::new(File::open(path)?), how)
    }

    #[test]
    fn what_is_packed_comes_back_and_damage_is_seen() {
        let text = "a row of a table\n".repeat(50_000);
        let folder = tempfile::tempdir().unwrap();
        for how in ["zstd", "gzip", "none"] {
            let path = folder.path().join(how);
            let mut packed = Vec::new();
            pack(how, &mut text.as_bytes(), &mut packed).unwrap();
            std::fs::write(&path, &packed).unwrap();
            let mut back = String::new();
            open(&path, how).unwrap().read_to_string(&mut back).unwrap();
            assert!(back == text);
            if how == "none" {
                continue;
            }
            std::fs::write(&path, &packed[..packed.len() - 1]).unwrap();
            assert!(open(&path, how).unwrap().read_to_end(&mut Vec::new()).is_err(), "{how} cut");
            packed[100] ^= 1;
            std::fs::write(&path, &packed).unwrap();
            let read = open(&path, how).and_then(|mut file| file.read_to_end(&mut Vec::new()));
            assert!(read.is_err(), "{how} with a bit flipped");
        }
    }
}
