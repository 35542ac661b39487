//! Logins as sites have them.

use super::*;

const CLOUDS: &str = "
clouds:
  site:
    auth:
      auth_url: https://keystone.example:5000
      username: nodewarden
      project_name: service
      user_domain_name: Default
      project_domain_id: abc
    region_name: north
    interface: internal
    cacert: /etc/ssl/site.pem
  app:
    auth_type: v3applicationcredential
    auth: {auth_url: 'https://keystone.example/v3', application_credential_id: 12, application_credential_secret: hush}
  lab: {auth_type: none, endpoint: 'http://127.0.0.1:8778'}
  careless: {verify: false, auth: {auth_url: x}}
";

fn body(credentials: &Credentials) -> Value {
    match &credentials.login {
        Login::Keystone { auth, .. } => auth.request(),
        Login::Fixed { token } => token.clone().into(),
    }
}

#[test]
fn a_password_comes_from_two_files_and_stays_out_of_debug_text() {
    let secure = "clouds: {site: {auth: {password: hush}}}";
    let credentials = Credentials::from_clouds("site", CLOUDS, Some(secure)).unwrap();
    assert_eq!(
        body(&credentials),
        serde_json::json!({ "auth": {
            "identity": { "methods": ["password"], "password": { "user": {
                "name": "nodewarden", "domain": { "name": "Default" }, "password": "hush" } } },
            "scope": { "project": { "name": "service", "domain": { "id": "abc" } } },
        }})
    );
    assert_eq!(credentials.region.as_deref(), Some("north"));
    assert_eq!(credentials.interface, "internal");
    assert_eq!(
        credentials.authorities.as_deref(),
        Some("/etc/ssl/site.pem")
    );
    assert!(!format!("{credentials:?}").contains("hush"));
}

#[test]
fn an_application_credential_and_a_lab_without_identity_are_understood() {
    let credentials = Credentials::from_clouds("app", CLOUDS, None).unwrap();
    assert_eq!(
        body(&credentials),
        serde_json::json!({ "auth": { "identity": {
            "methods": ["application_credential"],
            "application_credential": { "id": "12", "secret": "hush" },
        }}})
    );
    let lab = Credentials::from_clouds("lab", CLOUDS, None).unwrap();
    assert_eq!(body(&lab), "admin");
    assert_eq!(
        lab.placement_endpoint.as_deref(),
        Some("http://127.0.0.1:8778")
    );
}

#[test]
fn variables_say_the_same_as_a_file() {
    let variables = [
        ("OS_AUTH_URL", "https://k/v3"),
        ("OS_USERNAME", "u"),
        ("OS_PASSWORD", "p"),
        ("OS_PROJECT_ID", "42"),
        ("OS_ENDPOINT_TYPE", "internalURL"),
        ("OS_REGION_NAME", ""),
    ];
    let variables = variables
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    let credentials = Credentials::from_environment(&variables).unwrap();
    assert_eq!(
        body(&credentials),
        serde_json::json!({ "auth": {
            "identity": { "methods": ["password"], "password": { "user": {
                "name": "u", "domain": { "id": "default" }, "password": "p" } } },
            "scope": { "project": { "id": "42" } },
        }})
    );
    assert_eq!(credentials.interface, "internal");
    assert_eq!(credentials.region, None);
}

#[test]
fn what_is_missing_or_unsafe_is_named() {
    let cases = [
        ("nowhere", "there is no cloud \"nowhere\" in clouds.yaml"),
        ("careless", "certificates are always verified"),
        ("site", "no password to log in to OpenStack"),
    ];
    for (cloud, why) in cases {
        let fault = Credentials::from_clouds(cloud, CLOUDS, None).unwrap_err();
        assert!(fault.to_string().starts_with(why), "{fault}");
    }
    let fault = Credentials::from_environment(&Fields::new()).unwrap_err();
    assert!(fault.to_string().contains("OS_USERNAME"), "{fault}");
    let fault = Credentials::from_clouds("x", "a: [hush", None).unwrap_err();
    assert_eq!(fault.to_string(), "clouds.yaml is not valid YAML");
}
