//! Who we are to OpenStack: from `clouds.yaml` or the `OS_*` variables, as its own clients read them.
//! Pure: the files and the environment are given.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

/// How to log in, and where to look.
#[derive(Debug, Clone)]
pub struct Credentials {
    pub login: Login,
    /// Of which region the endpoints are; `None`: whichever the catalog has.
    pub region: Option<String>,
    /// Which of a service's endpoints: `public`, `internal` or `admin`.
    pub interface: String,
    /// The endpoint of Placement, instead of the catalog's.
    pub placement_endpoint: Option<String>,
    /// A file with the certificates of authorities to trust besides the system's.
    pub authorities: Option<String>,
}

/// Who we are.
#[derive(Debug, Clone)]
pub enum Login {
    /// Keystone's identity API, version 3.
    Keystone {
        /// Its URL, with or without `/v3`.
        url: String,
        /// The part `auth` of the request for a token.
        auth: Box<Auth>,
    },
    /// No identity service: a fixed token, for labs.
    Fixed {
        /// What Placement's `noauth2` takes for the user.
        token: String,
    },
}

/// What Keystone is told.
#[derive(Debug, Clone)]
pub enum Auth {
    Password {
        /// The user: id, or name and domain.
        user: Subject,
        password: SecretString,
        /// The project: id, or name and domain.
        project: Subject,
    },
    Application {
        /// Its id; or its name, with the user that it belongs to.
        id: Result<String, (String, Subject)>,
        secret: SecretString,
    },
}

/// A user or a project.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Subject {
    pub id: Option<String>,
    /// Its name, unique in its domain.
    pub name: Option<String>,
    pub domain_id: Option<String>,
    pub domain_name: Option<String>,
}

impl Subject {
    fn json(&self) -> Value {
        if let Some(id) = &self.id {
            return serde_json::json!({ "id": id });
        }
        let domain = match (&self.domain_id, &self.domain_name) {
            (Some(id), _) => serde_json::json!({ "id": id }),
            (None, Some(name)) => serde_json::json!({ "name": name }),
            // As OpenStack's own clients do.
            (None, None) => serde_json::json!({ "id": "default" }),
        };
        serde_json::json!({ "name": self.name, "domain": domain })
    }
}

impl Auth {
    /// The body of the request for a token. It holds a secret.
    #[must_use]
    pub fn request(&self) -> Value {
        match self {
            Self::Password {
                user,
                password,
                project,
            } => {
                let mut named = user.json();
                named["password"] = password.expose_secret().into();
                serde_json::json!({ "auth": {
                    "identity": { "methods": ["password"], "password": { "user": named } },
                    "scope": { "project": project.json() },
                }})
            }
            Self::Application { id, secret } => {
                let mut credential = match id {
                    Ok(id) => serde_json::json!({ "id": id }),
                    Err((name, user)) => serde_json::json!({ "name": name, "user": user.json() }),
                };
                credential["secret"] = secret.expose_secret().into();
                serde_json::json!({ "auth": { "identity": {
                    "methods": ["application_credential"],
                    "application_credential": credential,
                }}})
            }
        }
    }
}

/// Settings of a cloud by their names in `clouds.yaml`, those in `auth` among them.
type Fields = BTreeMap<String, String>;

/// Why there are no credentials; says what to do.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0}")]
pub struct CredentialsFault(String);

fn fault<T>(why: impl Into<String>) -> Result<T, CredentialsFault> {
    Err(CredentialsFault(why.into()))
}

impl Credentials {
    /// The cloud `name` of `clouds`, the contents of `clouds.yaml`; `secure` are those of `secure.yaml` beside it,
    /// which adds to it. Errors: The file cannot be read, or the cloud is not in it or not whole.
    pub fn from_clouds(
        name: &str,
        clouds: &str,
        secure: Option<&str>,
    ) -> Result<Self, CredentialsFault> {
        let mut fields = cloud(name, "clouds.yaml", clouds)?.ok_or_else(|| {
            CredentialsFault(format!("there is no cloud {name:?} in clouds.yaml"))
        })?;
        if let Some(secure) = secure {
            fields.extend(cloud(name, "secure.yaml", secure)?.unwrap_or_default());
        }
        Self::from_fields(&fields)
    }

    /// The variables `OS_*`. Errors: They are not whole: names what is missing.
    pub fn from_environment(variables: &Fields) -> Result<Self, CredentialsFault> {
        let fields = variables
            .iter()
            .filter(|(_, value)| !value.is_empty())
            .filter_map(|(name, value)| {
                let name = name.strip_prefix("OS_")?.to_ascii_lowercase();
                Some((name, value.clone()))
            })
            .collect();
        Self::from_fields(&fields)
    }

    fn from_fields(fields: &Fields) -> Result<Self, CredentialsFault> {
        let get = |name: &str| fields.get(name).cloned();
        let is = |name: &str, words: &[&str]| {
            get(name).is_some_and(|value| words.contains(&value.to_ascii_lowercase().as_str()))
        };
        if is("verify", &["false", "0", "no"]) || is("insecure", &["true", "1", "yes"]) {
            return fault(
                "certificates are always verified: name the authority with `cacert` (OS_CACERT) instead of \
                 switching that off",
            );
        }
        let interface = get("interface").or_else(|| get("endpoint_type"));
        let interface = interface.unwrap_or_else(|| "public".to_owned());
        Ok(Self {
            login: login(fields)?,
            region: get("region_name"),
            interface: interface.trim_end_matches("URL").to_owned(),
            placement_endpoint: get("placement_endpoint_override").or_else(|| get("endpoint")),
            authorities: get("cacert"),
        })
    }
}

fn login(fields: &Fields) -> Result<Login, CredentialsFault> {
    let get = |name: &str| fields.get(name).cloned();
    let usual = match fields.contains_key("application_credential_secret") {
        true => "v3applicationcredential",
        false => "password",
    };
    let kind = get("auth_type").unwrap_or_else(|| usual.to_owned());
    let needed = |name: &str| get(name).ok_or_else(|| CredentialsFault(missing(name)));
    let secret = |name: &str| needed(name).map(SecretString::from);
    let subject = |what: &str| Subject {
        id: get(&format!("{what}_id")),
        name: if what == "user" {
            get("username").or_else(|| get("user_name"))
        } else {
            get(&format!("{what}_name"))
        },
        domain_id: get(&format!("{what}_domain_id")).or_else(|| get("default_domain_id")),
        domain_name: get(&format!("{what}_domain_name")).or_else(|| get("default_domain_name")),
    };
    let auth = match kind.as_str() {
        "none" | "noauth" => {
            let token = "admin".to_owned();
            return Ok(Login::Fixed { token });
        }
        "admin_token" => {
            let token = needed("token")?;
            return Ok(Login::Fixed { token });
        }
        "password" | "v3password" => {
            let (user, project) = (subject("user"), subject("project"));
            if user.id.is_none() && user.name.is_none() {
                return fault(missing("username"));
            }
            if project.id.is_none() && project.name.is_none() {
                return fault(missing("project_name"));
            }
            Auth::Password {
                user,
                password: secret("password")?,
                project,
            }
        }
        "v3applicationcredential" => Auth::Application {
            id: match (
                get("application_credential_id"),
                get("application_credential_name"),
            ) {
                (Some(id), _) => Ok(id),
                (None, Some(name)) => Err((name, subject("user"))),
                (None, None) => return fault(missing("application_credential_id")),
            },
            secret: secret("application_credential_secret")?,
        },
        other => {
            return fault(format!(
                "auth_type {other:?} is not supported: use v3applicationcredential or password"
            ));
        }
    };
    Ok(Login::Keystone {
        url: needed("auth_url")?,
        auth: Box::new(auth),
    })
}

fn missing(name: &str) -> String {
    format!(
        "no {name} to log in to OpenStack: set placement.cloud to a cloud of clouds.yaml, or OS_{} and \
         the other OS_ variables",
        name.to_ascii_uppercase()
    )
}

/// The fields of cloud `name` in a file, those in `auth` and the others side by side.
fn cloud(name: &str, file: &str, text: &str) -> Result<Option<Fields>, CredentialsFault> {
    // A fault of the parser may quote a line, and a line may hold a password.
    let Ok(file_value) = serde_norway::from_str::<Value>(text) else {
        return fault(format!("{file} is not valid YAML"));
    };
    let Some(cloud) = file_value.get("clouds").and_then(|clouds| clouds.get(name)) else {
        return Ok(None);
    };
    let mut fields = Fields::new();
    for part in [Some(cloud), cloud.get("auth")].into_iter().flatten() {
        for (key, value) in part.as_object().into_iter().flatten() {
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Bool(_) | Value::Number(_) => value.to_string(),
                Value::Null | Value::Array(_) | Value::Object(_) => continue,
            };
            fields.insert(key.clone(), text);
        }
    }
    Ok(Some(fields))
}

#[cfg(test)]
mod tests;
