//! `service` of a real Compose project: `docker-compose` before the engine of Podman, which speaks as Docker's.

use std::process::{Command, Stdio};

use crate::apart::{self, Need, shell};
use crate::place::{Place, wait_until};

const NEEDS: &[Need] = &[
    ("podman", "podman"),
    ("crun", "crun"),
    ("iptables", "netavark iptables"),
    ("docker-compose", "docker-compose"),
    ("docker", "docker.io"),
    ("busybox", "busybox-static"),
    ("curl", "curl"),
];

const SETTINGS: &str = r#"[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
cgroups = "disabled"
log_driver = "k8s-file"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "crun"
[network]
network_backend = "netavark"
"#;

const IMAGE: &str = r#"FROM scratch
COPY busybox /bin/busybox
COPY page /www/index.html
ENTRYPOINT ["/bin/busybox"]
CMD ["httpd", "-f", "-p", "8000", "-h", "/www"]
"#;

const PROJECT: &str = r#"version: "3"
services:
  web:
    build: .
    ports: ["127.0.0.1:8123:8000"]
  named:
    build: .
    image: named:7
  falls:
    build: .
    command: ["sleep", "1"]
"#;

/// A project of three services, and the engine that runs them, in a machine apart.
struct Project {
    place: Place,
    exports: String,
}

impl Project {
    fn start() -> Project {
        let mut place = Place::new("compose");
        let w = place.folder.display().to_string();
        shell(&format!(
            "mount -t tmpfs none {w}; umount /sys/fs/cgroup/unified || true
             mkdir -p /run/netns; mount -t tmpfs none /run/netns"
        ));
        place.write("containers.conf", SETTINGS);
        let storage = format!("runroot = \"{w}/run\"\ngraphroot = \"{w}/graph\"\n");
        place.write("storage.conf", &format!("[storage]\ndriver = \"overlay\"\n{storage}"));
        place.write("shop/docker-compose.yml", PROJECT);
        place.write("shop/Dockerfile", IMAGE);
        let mut exports = String::new();
        for (name, value) in [
            ("CONTAINERS_CONF", format!("{w}/containers.conf")),
            ("CONTAINERS_STORAGE_CONF", format!("{w}/storage.conf")),
            ("DOCKER_HOST", format!("unix://{w}/engine")),
            ("DOCKER_BUILDKIT", "0".to_owned()),
        ] {
            exports += &format!("export {name}={value}\n");
            place = place.env(name, &value);
        }
        let project = Project { place, exports };
        project.shell("cp $(command -v busybox) busybox");
        let engine = format!("{}podman system service --time=0 $DOCKER_HOST", project.exports);
        let mut command = Command::new("bash");
        command.args(["-c", &engine]).stdout(Stdio::null()).stderr(Stdio::null());
        #[allow(clippy::zombie_processes, reason = "it ends with this machine")]
        command.spawn().unwrap();
        wait_until("the engine", || project.place.has("engine"));
        project.page("one");
        project.shell("docker-compose build 2>&1");
        project
    }

    fn shell(&self, script: &str) -> String {
        let folder = self.place.folder.join("shop");
        shell(&format!("{}cd {}\n{script}", self.exports, folder.display()))
    }

    fn page(&self, text: &str) {
        self.place.write("shop/page", text);
    }

    fn shown(&self) -> String {
        self.shell("curl -s 127.0.0.1:8123 || true")
    }

    /// Each image with its names, but those that are kept for a way back.
    fn images(&self) -> String {
        self.shell("docker images --no-trunc --format '{{.Repository}} {{.ID}}' | grep -v plan-kept | sort")
    }

    fn plan(&self, keys: &str) {
        self.place.write(
            "plan.yaml",
            &format!(
                "plan: p\nallow: {{ release-unchecked: the test looks from outside, logs-unchecked: the test looks from outside }}\n\
                 steps:\n  - step: turn\n    service: {{ {keys}, manager: compose, in: shop, drain: 1s, stable_for: 1s }}\n  \
                 - {{ checkpoint: right, checks: [{{ file: right }}] }}\n"
            ),
        );
    }
}

#[test]
fn services_of_a_compose_project_are_turned_built_and_brought_back() {
    let name = "compose::services_of_a_compose_project_are_turned_built_and_brought_back";
    apart::run(name, NEEDS, || {
        let project = Project::start();
        let place = &project.place;
        project.shell("docker-compose up -d web 2>&1");
        assert_eq!(project.shown(), "one");
        let images = project.images();
        project.page("two");
        for (keys, shown) in [
            ("stop: web, start: named", ""),
            ("stop: web, build: web, start: web", "two"),
            ("build: [web, named], restart: web", "one"),
        ] {
            project.plan(keys);
            place.write("right", "");
            place.apply().ends(0);
            assert_eq!(project.shown(), shown, "{keys}");
            assert_eq!(project.images() != images, keys.contains("build"), "{keys}");
            place.plan(&["rollback"]).ends(0);
            assert_eq!(
                (project.shown(), project.images()),
                ("one".into(), images.clone()),
                "{keys}"
            );
        }
        std::fs::remove_file(place.folder.join("right")).unwrap();
        assert_eq!(project.shell("docker images | grep -c plan-kept || true"), "0");
        // An image that was not there goes again, with the container that was made of it.
        project.shell("docker-compose rm -sf named 2>&1; docker rmi named:7");
        let images = project.images();
        project.plan("build: named, start: named");
        place.apply().ends(1).says("right is there");
        assert_eq!(project.images(), images);
        // What the project keeps in its environment gets into no log.
        project.shell("! grep -rq 'context:' ../store");
        for (keys, words) in [
            ("start: falls", "falls came up and went down again"),
            ("start: nobody", "No such service: nobody"),
            ("build: nobody", "No such service: nobody"),
        ] {
            project.plan(keys);
            place.apply().ends(1).says(words);
        }
        project.place.write("shop/Dockerfile", "FROM scratch\nCOPY nothing /\n");
        let images = project.images();
        project.plan("build: web");
        place.apply().ends(1).says("build web: exit status 1");
        assert_eq!((project.shown(), project.images()), ("one".into(), images));
    });
}
