//! Tests of the site that the public port serves.

use http::Request;
use http_body_util::Full;

use crate::fixture::Fixture;

/// With the setting `public.site`, the port serves the files of the directory and no other files.
#[tokio::test]
async fn the_site_is_served_if_configured() {
    let site = tempfile::tempdir().unwrap();
    std::fs::write(site.path().join("index.html"), "<!doctype html>").unwrap();
    let fixture = Fixture::start("", &format!("site = {:?}", site.path())).await;
    let get = |path: &str| Request::get(path).body(Full::default()).unwrap();
    let page = fixture.http1(get("/")).await;
    assert_eq!(
        (page.status().as_u16(), page.body().as_ref()),
        (200, b"<!doctype html>".as_slice())
    );
    assert!(page.headers().contains_key("content-security-policy"));
    assert!(page.headers().contains_key("strict-transport-security"));
    assert_eq!(
        fixture.http1(get("/../certs/gateway.key")).await.status(),
        404
    );

    let without = Fixture::start("", "").await;
    assert_eq!(without.http1(get("/")).await.status(), 404);
}

/// SITE-8: a password manager finds the page that changes a password.
#[tokio::test]
async fn a_password_manager_is_redirected_to_the_password_page() {
    let site = tempfile::tempdir().unwrap();
    std::fs::write(site.path().join("index.html"), "page").unwrap();
    let fixture = Fixture::start("", &format!("site = {:?}", site.path())).await;
    let get = |path: &str| Request::get(path).body(Full::default()).unwrap();
    let found = fixture.http1(get("/.well-known/change-password")).await;
    assert_eq!(found.status(), 302);
    assert_eq!(found.headers()["location"], "/password");
    assert!(found.headers().contains_key("content-security-policy"));
    // A password manager trusts the redirect only if an address that must not exist has the status 404.
    let other = "/.well-known/resource-that-should-not-exist-whose-status-code-should-not-be-200";
    assert_eq!(fixture.http1(get(other)).await.status(), 404);
}

/// SESS-3: the site runs only its own script files, connects to no other site, and cannot be framed.
#[tokio::test]
async fn the_site_is_protected_cached_and_compressed() {
    let site = tempfile::tempdir().unwrap();
    std::fs::create_dir(site.path().join("assets")).unwrap();
    for (name, content) in [
        ("index.html", "page"),
        ("index.html.br", "small page"),
        ("assets/app-1a2b.js", "script"),
        ("assets/app-1a2b.js.gz", "small script"),
    ] {
        std::fs::write(site.path().join(name), content).unwrap();
    }
    let fixture = Fixture::start("", &format!("site = {:?}", site.path())).await;
    let get = async |path: &str, encoding: &str| {
        let request = Request::get(path).header("accept-encoding", encoding);
        let response = fixture.http1(request.body(Full::default()).unwrap()).await;
        let header = |name: &str| {
            let value = response
                .headers()
                .get(name)
                .map(|value| value.to_str().unwrap());
            value.unwrap_or_default().to_owned()
        };
        let policy = header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self';"),
            "{path}"
        );
        assert!(!policy.contains("unsafe"), "{path}");
        assert!(policy.contains("frame-ancestors 'none'"), "{path}");
        assert!(
            policy.contains("require-trusted-types-for 'script'"),
            "{path}"
        );
        assert_eq!(header("x-frame-options"), "DENY", "{path}");
        assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(
            header("strict-transport-security"),
            "max-age=31536000",
            "{path}"
        );
        (
            response.status().as_u16(),
            String::from_utf8(response.body().to_vec()).unwrap(),
            header("content-encoding"),
            header("cache-control"),
        )
    };
    let is = |status, body: &str, encoding: &str, cache: &str| {
        (
            status,
            body.to_owned(),
            encoding.to_owned(),
            cache.to_owned(),
        )
    };

    for page in ["/", "/login", "/no/such/page"] {
        assert_eq!(
            get(page, "gzip, br").await,
            is(200, "small page", "br", "no-cache")
        );
    }
    assert_eq!(get("/login", "").await, is(200, "page", "", "no-cache"));
    let forever = "public, max-age=31536000, immutable";
    let script = "/assets/app-1a2b.js";
    assert_eq!(
        get(script, "gzip").await,
        is(200, "small script", "gzip", forever)
    );
    assert_eq!(get(script, "").await, is(200, "script", "", forever));
    // A missing file is not replaced by the page.
    assert_eq!(
        get("/assets/missing", "").await,
        is(404, "", "", "no-cache")
    );
    assert_eq!(get("/missing.js", "").await, is(404, "", "", "no-cache"));
}
