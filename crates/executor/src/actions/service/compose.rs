//! Services of a Compose project: `docker compose`, or `docker-compose` where Docker knows no such command. How a
//! container is, and which image it was made of, Docker itself is asked.

use plan_model::document::Document;
use plan_model::source::FileId;
use serde::{Deserialize, Serialize};

use super::{Services, State};
use crate::actions::noted::Noted;
use crate::secret::MASK;
use crate::world::{Broken, Ran, error};

/// A container, by the keys of Docker. One that `run` began is none of the service.
const ASKED: &str = "{{.State.Status}} {{.State.StartedAt}} {{.Config.Image}} {{.Image}} \
                     {{index .Config.Labels \"com.docker.compose.oneoff\"}}";

/// The image of a service before it was built anew.
#[derive(Serialize, Deserialize)]
struct Built {
    image: String,
    /// What bore this name; nothing where there was none.
    was: Option<String>,
}

pub async fn state(services: &Services<'_>, name: &str) -> Result<State, Broken> {
    let found = containers(services, name).await?;
    let mut up = Vec::new();
    let mut between = false;
    for container in &found {
        match container.state.as_str() {
            "running" => up.push(format!("{} {}", container.id, container.since)),
            "created" | "exited" | "dead" | "stopped" | "paused" | "initialized" => {}
            _ => between = true,
        }
    }
    Ok(match up.len() {
        _ if between => State::Between,
        0 => State::Down,
        many if many < found.len() => State::Between,
        _ => State::Up(up.join(", ")),
    })
}

pub async fn tell(services: &Services<'_>, verb: &str, name: &str) -> Result<(), Broken> {
    let seconds = services.drain.unwrap_or(super::DRAIN).as_secs().max(1).to_string();
    let told = match verb {
        "start" => vec!["up", "-d", "--no-deps", name],
        "stop" | "restart" => vec![verb, "--timeout", &seconds, name],
        _ => vec!["kill", "-s", "HUP", name],
    };
    order(services, &told, &format!("{verb} {name}")).await
}

/// Builds the image of a service. The image that bore its name gets a second one first: so long nobody who tidies
/// up takes it for unused.
pub async fn build(services: &Services<'_>, name: &str) -> Result<(), Broken> {
    let noted = noted(services, name);
    if noted.read::<Built>()?.is_none() {
        let image = image(services, name).await?;
        let was = image_id(services, &image).await?;
        if let Some(was) = &was {
            let program = vec!["docker", "tag", was];
            let kept = kept(services, name);
            services.order([program, vec![&kept]].concat(), &format!("keep {image}")).await?;
        }
        noted.write(&Built { image, was })?;
    }
    order(services, &["build", name], &format!("build {name}")).await
}

/// Gives the image back its name.
pub async fn unbuild(services: &Services<'_>, name: &str) -> Result<(), Broken> {
    let noted = noted(services, name);
    let Some(Built { image, was }) = noted.read()? else { return Ok(()) };
    let what = format!("bring back the image {image}");
    let built = image_id(services, &image).await?;
    match &was {
        Some(was) => {
            services.order(vec!["docker", "tag", was, &image], &what).await?;
            let found = containers(services, name).await?;
            if found.iter().any(|container| container.image_id != *was) {
                let runs = found.iter().any(|container| container.state == "running");
                let how = if runs { "-d" } else { "--no-start" };
                order(services, &["up", how, "--no-deps", name], &what).await?;
            }
            let kept = kept(services, name);
            if image_id(services, &kept).await?.is_some() {
                services.order(vec!["docker", "rmi", &kept], &what).await?;
            }
        }
        // There was none. A container that was made of it meanwhile goes with it.
        None => order(services, &["rm", "--stop", "--force", name], &what).await?,
    }
    if let Some(built) = built.filter(|built| was.as_ref() != Some(built)) {
        // It stays where something else has taken it into use.
        let name = if was.is_some() { &built } else { &image };
        docker(services, &["rmi", name]).await?;
    }
    Ok(noted.forget()?)
}

fn noted(services: &Services<'_>, name: &str) -> Noted {
    let plain: String = name.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect();
    Noted::of(services.job, &format!("image-{plain}"))
}

/// The second name of an image while a run may need it.
fn kept(services: &Services<'_>, name: &str) -> String {
    let job = services.job;
    let parts = [job.world.run.id.as_str(), job.entry_id(), name].join("-").to_lowercase();
    let tag: String =
        parts.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    format!("plan-kept:{}", &tag[tag.len().saturating_sub(120)..])
}

struct Container {
    id: String,
    state: String,
    since: String,
    /// As it was called when the container was made.
    image: String,
    image_id: String,
}

async fn containers(services: &Services<'_>, name: &str) -> Result<Vec<Container>, Broken> {
    let mut found = Vec::new();
    for id in said(services, &["ps", "--all", "--quiet", name]).await?.lines() {
        let ran = docker(services, &["inspect", "--format", ASKED, id]).await?;
        ran.check(services.around.timeout)?;
        let text = ran.text().unwrap_or_default();
        let mut words = text.split_whitespace().map(str::to_owned);
        let mut next = || words.next().unwrap_or_default();
        let container = Container {
            id: id.to_owned(),
            state: next(),
            since: next(),
            image: next(),
            image_id: next(),
        };
        if next() != "True" {
            found.push(container);
        }
    }
    Ok(found)
}

/// What the image of a service is called: as its container says, or as the project does.
async fn image(services: &Services<'_>, name: &str) -> Result<String, Broken> {
    if let Some(container) = containers(services, name).await?.pop() {
        return Ok(container.image);
    }
    // Where secrets were is nothing that YAML knows.
    let ran = asked(services, &["config"]).await?;
    let text = ran.text()?.replace(MASK, "covered");
    // It holds what the project keeps in its environment, which no log is for.
    let _ = std::fs::remove_file(&ran.output);
    let mut found = Vec::new();
    let project = Document::parse(FileId::default(), &text, &mut found);
    let project = project.as_ref().map(|project| project.root());
    if project.is_none() {
        let why = found.pop().map_or_else(String::new, |found| found.message);
        return Err(error(format!("the `config` of the project cannot be read: {why}")).into());
    }
    let at = |keys: &[&str]| keys.iter().try_fold(project?, |node, key| node.get(key));
    if at(&["services", name]).is_none() {
        return Err(error(format!("the project has no service {name}")).into());
    }
    let given = at(&["services", name, "image"]).and_then(|image| image.text());
    Ok(match (given, at(&["name"]).and_then(|project| project.text())) {
        (Some(image), _) => image.to_owned(),
        (None, Some(project)) => format!("{project}-{name}"),
        // The older program does not tell the name that it gives the project.
        (None, None) => format!("{}_{name}", project_name(services)),
    })
}

fn project_name(services: &Services<'_>) -> String {
    let given = services.around.env.iter().find(|(key, _)| key == "COMPOSE_PROJECT_NAME");
    let given = given.map(|(_, value)| value.clone());
    let folder = || {
        let folder = std::fs::canonicalize(&services.around.dir);
        let folder = folder.unwrap_or_else(|_| services.around.dir.clone());
        folder.file_name().unwrap_or_default().to_string_lossy().to_lowercase()
    };
    let plain = |c: &char| c.is_ascii_alphanumeric() || *c == '-' || *c == '_';
    given.unwrap_or_else(folder).chars().filter(plain).collect()
}

async fn image_id(services: &Services<'_>, image: &str) -> Result<Option<String>, Broken> {
    let ran = docker(services, &["image", "inspect", "--format", "{{.Id}}", image]).await?;
    let id = ran.text().unwrap_or_default().trim().to_owned();
    match ran.check(services.around.timeout) {
        Ok(()) => Ok(Some(id)),
        Err(failure) if failure.text.to_lowercase().contains("no such image") => Ok(None),
        Err(failure) => Err(failure.into()),
    }
}

async fn docker(services: &Services<'_>, arguments: &[&str]) -> Result<Ran, Broken> {
    let program = ["docker"].iter().chain(arguments).map(|&word| word.to_owned()).collect();
    services.job.program(program, services.around.clone(), None, true).await
}

/// The program that knows Compose here.
async fn program(services: &Services<'_>) -> Result<&'static [&'static str], Broken> {
    let is_in_docker = services.in_docker.get_or_try_init(async || {
        let ran = docker(services, &["compose", "version"]).await?;
        Ok::<bool, Broken>(ran.check(services.around.timeout).is_ok())
    });
    Ok(if *is_in_docker.await? { &["docker", "compose"] } else { &["docker-compose"] })
}

async fn order(services: &Services<'_>, arguments: &[&str], what: &str) -> Result<(), Broken> {
    let program = program(services).await?;
    services.order([program, arguments].concat(), what).await
}

async fn said(services: &Services<'_>, arguments: &[&str]) -> Result<String, Broken> {
    Ok(asked(services, arguments).await?.text()?)
}

async fn asked(services: &Services<'_>, arguments: &[&str]) -> Result<Ran, Broken> {
    let program = [program(services).await?, arguments].concat();
    let program = program.into_iter().map(str::to_owned).collect();
    let ran = services.job.program(program, services.around.clone(), None, true).await?;
    ran.check(services.around.timeout)?;
    Ok(ran)
}
