//! Archives, good ones and hostile ones: made by the usual tools, and by hand.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::place::Place;
use crate::tree::tree;

fn python(place: &Place, text: &str) {
    let done = Command::new("python3").args(["-c", text]).current_dir(&place.folder).output();
    let done = done.unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

fn place(name: &str, keys: &str) -> Place {
    let place = Place::new(&format!("unpack-{name}"));
    place.write("srv/stays", "1");
    place.write(
        "plan.yaml",
        &format!(
            "plan: p\nsteps:\n  - step: unpack\n    files: {{ unpack: app, to: srv/releases/2{keys} }}\n  \
             - {{ checkpoint: right, checks: [{{ file: right }}] }}\n"
        ),
    );
    place
}

#[test]
fn each_usual_archive_becomes_a_folder_and_goes_again() {
    for (name, command) in [
        ("tar.gz", "tar -czf app app-2.0"),
        ("tar", "tar -cf app app-2.0"),
        ("tar.zst", "tar -cf - app-2.0 | zstd -q > app"),
        (
            "zip",
            "python3 -c 'import shutil; shutil.make_archive(\"made\", \"zip\", \".\", \"app-2.0\")' && mv made.zip app",
        ),
    ] {
        let place = place(&name.replace('.', "-"), ", strip: 1");
        place.write("app-2.0/index.php", "<?php");
        place.write("app-2.0/bin/run", "#!/bin/sh");
        let run = place.folder.join("app-2.0/bin/run");
        fs::set_permissions(&run, fs::Permissions::from_mode(0o4755)).unwrap();
        let links = name != "zip";
        if links {
            std::os::unix::fs::symlink("../index.php", place.folder.join("app-2.0/bin/link"))
                .unwrap();
            fs::hard_link(&run, place.folder.join("app-2.0/bin/second")).unwrap();
        }
        let packed = Command::new("bash").args(["-c", command]).current_dir(&place.folder).status();
        assert!(packed.unwrap().success());
        let before = tree(&place.folder.join("srv"));
        place.write("right", "");
        place.apply().ends(0);
        assert_eq!(place.read("srv/releases/2/index.php"), "<?php");
        let mode = |name: &str| {
            let file = fs::metadata(place.folder.join("srv/releases/2/bin").join(name)).unwrap();
            file.permissions().mode() & 0o7777
        };
        assert_eq!(mode("run"), 0o755, "{name}: a special bit is nobody's gift");
        if links {
            assert_eq!(place.read("srv/releases/2/bin/link"), "<?php");
            assert_eq!(place.read("srv/releases/2/bin/second"), "#!/bin/sh");
        }
        place.plan(&["rollback"]).ends(0);
        assert_eq!(tree(&place.folder.join("srv")), before, "{name}");
        // Again, to see that what is there is not written into.
        place.write("srv/releases/2/mine", "mine");
        place.apply().ends(1).says("is there already");
        assert_eq!(place.read("srv/releases/2/mine"), "mine");
    }
}

#[test]
fn hostile_archives_are_refused_and_leave_nothing() {
    let tar = "import tarfile, io
def add(t, name, **keys):
    one = tarfile.TarInfo(name)
    data = keys.pop('data', b'')
    one.size = len(data)
    for key, value in keys.items(): setattr(one, key, value)
    t.addfile(one, io.BytesIO(data))
t = tarfile.open('app', 'w:gz')
add(t, 'good', data=b'good')
";
    for (name, entries, words) in [
        ("up", "add(t, '../../evil', data=b'x')", "leaves the folder"),
        ("absolute", "add(t, '/tmp/plan-evil', data=b'x')", "leaves the folder"),
        ("inside-up", "add(t, 'a/../../evil', data=b'x')", "leaves the folder"),
        ("link-out", "add(t, 'l', type=tarfile.SYMTYPE, linkname='../../..')", "leaves the folder"),
        ("link-root", "add(t, 'l', type=tarfile.SYMTYPE, linkname='/etc')", "leaves the folder"),
        (
            "link-chain",
            "add(t, 'd/l', type=tarfile.SYMTYPE, linkname='..')\nadd(t, 'm', type=tarfile.SYMTYPE, linkname='d/l/../..')",
            "leaves the folder",
        ),
        (
            "through-link",
            "add(t, 'l', type=tarfile.SYMTYPE, linkname='.')\nadd(t, 'l/evil', data=b'x')",
            "behind a link",
        ),
        (
            "hard-out",
            "add(t, 'h', type=tarfile.LNKTYPE, linkname='../../plan.yaml')",
            "leaves the folder",
        ),
        (
            "device",
            "add(t, 'dev', type=tarfile.CHRTYPE, devmajor=1, devminor=3)",
            "no file, no folder",
        ),
        ("pipe", "add(t, 'pipe', type=tarfile.FIFOTYPE)", "no file, no folder"),
        ("bomb", "add(t, 'bomb', data=bytes(50_000_000))", "more than 10000000 bytes"),
        (
            "cut",
            "t.close(); d = open('app', 'rb').read(); open('app', 'wb').write(d[:len(d) // 2]); t = open('x', 'w')",
            "cannot be read",
        ),
        (
            "rubbish",
            "t.close(); open('app', 'wb').write(b'rubbish' * 200); t = open('x', 'w')",
            "cannot be read",
        ),
    ] {
        let place = place(name, ", max_size: 10MB");
        place.write("right", "");
        python(&place, &format!("{tar}{entries}\nt.close()\n"));
        let before = tree(&place.folder.join("srv"));
        place.apply().ends(1).says(words);
        assert_eq!(tree(&place.folder.join("srv")), before, "{name}");
        assert!(
            !place.folder.join("evil").exists() && !std::path::Path::new("/tmp/plan-evil").exists()
        );
    }
}

#[test]
fn hostile_zips_are_refused_and_leave_nothing() {
    let zip = "import zipfile, stat
z = zipfile.ZipFile('app', 'w', zipfile.ZIP_DEFLATED)
z.writestr('good', 'good')
def link(name, to):
    one = zipfile.ZipInfo(name)
    one.create_system = 3
    one.external_attr = (stat.S_IFLNK | 0o777) << 16
    z.writestr(one, to)
";
    for (name, entries, words) in [
        ("zip-up", "z.writestr('../../evil', 'x')", "leaves the folder"),
        ("zip-absolute", "z.writestr('/tmp/plan-evil', 'x')", "leaves the folder"),
        ("zip-link", "link('l', '/etc')", "leaves the folder"),
        ("zip-through", "link('l', '.')\nz.writestr('l/evil', 'x')", "behind a link"),
        ("zip-bomb", "z.writestr('bomb', bytes(50_000_000))", "more than 10000000 bytes"),
    ] {
        let place = place(name, ", max_size: 10MB");
        place.write("right", "");
        python(&place, &format!("{zip}{entries}\nz.close()\n"));
        let before = tree(&place.folder.join("srv"));
        place.apply().ends(1).says(words);
        assert_eq!(tree(&place.folder.join("srv")), before, "{name}");
    }
}

#[test]
fn a_million_entries_are_too_many() {
    let place = place("million", "");
    place.write("right", "");
    // The same folder again and again: what counts is how often it is said.
    python(
        &place,
        "import gzip, tarfile
one = tarfile.TarInfo('f')
one.type = tarfile.DIRTYPE
with gzip.open('app', 'wb', 1) as out:
    for n in range(1_000):
        out.write(one.tobuf(tarfile.USTAR_FORMAT) * 1_000)
    out.write(bytes(1024))
",
    );
    place.apply().ends(1).says("more than 500000 entries");
    assert!(!place.has("srv/releases"));
}

#[test]
fn an_empty_folder_that_was_there_is_there_again() {
    let place = place("empty", ", strip: 1");
    place.write("app-2/index", "2");
    let packed =
        Command::new("tar").args(["-czf", "app", "app-2"]).current_dir(&place.folder).status();
    assert!(packed.unwrap().success());
    fs::create_dir_all(place.folder.join("srv/releases/2")).unwrap();
    let at = place.folder.join("srv/releases/2");
    fs::set_permissions(&at, fs::Permissions::from_mode(0o750)).unwrap();
    let before = tree(&place.folder.join("srv"));
    place.write("right", "");
    place.apply().ends(0);
    assert_eq!(place.read("srv/releases/2/index"), "2");
    assert_eq!(fs::metadata(&at).unwrap().permissions().mode() & 0o7777, 0o750);
    place.plan(&["rollback"]).ends(0);
    assert_eq!(tree(&place.folder.join("srv")), before);
}
