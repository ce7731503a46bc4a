//! Ways to reach people: e-mail, a webhook, a command. Each message is sent once, or it is said why not.

use std::time::Duration;

use lettre::message::{Mailboxes, header::ContentType};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use plan_model::model::plan::{MailTls, Surroundings};
use serde_json::json;

use crate::event::Failure;
use crate::fill::Filler;
use crate::owner;
use crate::world::{Broken, Job, error, reason};

/// After so long a message counts as lost.
pub const PATIENCE: Duration = Duration::from_secs(15);

/// What is said.
#[derive(Debug, Clone)]
pub struct Words {
    pub subject: String,
    pub text: String,
}

pub async fn by_command(
    job: &Job,
    command: &str,
    words: &Words,
    around: Option<&Surroundings>,
) -> Result<(), Broken> {
    let mut around = job.around(around)?;
    let timeout = *around.timeout.get_or_insert(PATIENCE);
    let input = format!("{}\n", words.text.trim_end());
    let ran = job.script(command, around, Some(&input), false).await?;
    Ok(ran.check(Some(timeout))?)
}

pub async fn by_webhook(job: &Job, url: &str, words: &Words) -> Result<(), Failure> {
    let body = json!({ "text": words.text, "subject": words.subject, "run": job.world.run.id });
    let request = job.world.http()?.post(url).timeout(PATIENCE).json(&body);
    let answer = request.send().await;
    let answer = answer
        .map_err(|problem| error(format!("the webhook: {}", reason(&problem.without_url()))))?;
    match answer.status().is_success() {
        true => Ok(()),
        false => Err(error(format!("the webhook answers {}", answer.status()))),
    }
}

pub async fn by_mail(job: &Job, to: &[String], words: &Words, id: &str) -> Result<(), Failure> {
    let server = Server::of(&job.filler())?;
    let host = owner::host();
    let from = server.from.clone().unwrap_or_else(|| format!("plan@{host}"));
    let plain = |text: &str| text.replace(|c: char| c.is_control(), " ");
    let mut message = Message::builder()
        .from(
            from.parse()
                .map_err(|problem| error(format!("`{from}` is no e-mail address: {problem}")))?,
        )
        .subject(plain(&words.subject))
        .message_id(Some(format!("<{}@{host}>", plain(id).replace(' ', "-"))))
        .header(ContentType::TEXT_PLAIN);
    for addresses in to {
        let parsed: Result<Mailboxes, _> = addresses.parse();
        let parsed = parsed
            .map_err(|problem| error(format!("`{addresses}` is no e-mail address: {problem}")))?;
        message = parsed.into_iter().fold(message, |message, one| message.to(one));
    }
    let message = message.body(words.text.clone());
    let message = message.map_err(|problem| error(format!("the message: {problem}")))?;
    let transport = server.transport()?;
    let sent = transport.send(message);
    let wrong = |why: String| error(format!("the mail server {}: {why}", server.shown()));
    match tokio::time::timeout(PATIENCE, sent).await {
        Err(_) => {
            Err(wrong(format!("no answer within {}", plan_model::notation::Spoken(PATIENCE))))
        }
        Ok(Err(problem)) => Err(wrong(with_cause(&problem))),
        Ok(Ok(_)) => Ok(()),
    }
}

fn with_cause(problem: &dyn std::error::Error) -> String {
    let mut text = problem.to_string();
    let mut source = problem.source();
    while let Some(inner) = source {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text += &format!(": {inner_text}");
        }
        source = inner.source();
    }
    text
}

/// The mail server of the plan, or of this machine.
struct Server {
    host: String,
    port: u16,
    tls: MailTls,
    from: Option<String>,
    login: Option<(String, String)>,
}

impl Server {
    fn of(fill: &Filler<'_>) -> Result<Server, Failure> {
        let mail = fill.plan.plan.mail.as_ref();
        let address = match mail {
            Some(mail) => fill.of(&mail.server)?,
            None => "localhost".to_owned(),
        };
        let (host, port) = match address.rsplit_once(':') {
            // An address of IPv6 has colons of its own.
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
                let port = port.parse::<u16>();
                let port = port.map_err(|_| error(format!("`{address}` names no port")))?;
                (host.trim_matches(['[', ']']).to_owned(), Some(port))
            }
            _ => (address.trim_matches(['[', ']']).to_owned(), None),
        };
        let is_here = matches!(host.as_str(), "localhost" | "127.0.0.1" | "::1");
        let usual = if is_here { MailTls::Off } else { MailTls::StartTls };
        let tls = mail.and_then(|mail| mail.tls).unwrap_or(usual);
        let port = port.unwrap_or(match tls {
            MailTls::StartTls => 587,
            MailTls::Tls => 465,
            MailTls::Off => 25,
        });
        let part = |text: Option<&plan_model::model::value::Text>| fill.optional(text);
        let login = match (
            part(mail.and_then(|mail| mail.login.as_ref()))?,
            part(mail.and_then(|mail| mail.password.as_ref()))?,
        ) {
            (Some(login), Some(password)) => Some((login, password)),
            (None, None) => None,
            _ => return Err(error("`login` and `password` of `mail` belong together")),
        };
        if login.is_some() && tls == MailTls::Off && !is_here {
            let text = format!("the password would go to {host} in the clear: say `tls: starttls`");
            return Err(error(text));
        }
        let from = part(mail.and_then(|mail| mail.from.as_ref()))?;
        Ok(Server { host, port, tls, from, login })
    }

    fn shown(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    fn transport(&self) -> Result<AsyncSmtpTransport<Tokio1Executor>, Failure> {
        crate::world::choose_tls();
        let parameters = || {
            TlsParameters::new(self.host.clone())
                .map_err(|problem| error(format!("TLS to {}: {problem}", self.shown())))
        };
        let tls = match self.tls {
            MailTls::StartTls => Tls::Required(parameters()?),
            MailTls::Tls => Tls::Wrapper(parameters()?),
            MailTls::Off => Tls::None,
        };
        let builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&self.host);
        let mut builder = builder.port(self.port).tls(tls).timeout(Some(PATIENCE));
        if let Some((login, password)) = &self.login {
            builder = builder.credentials(Credentials::new(login.clone(), password.clone()));
        }
        Ok(builder.build())
    }
}
