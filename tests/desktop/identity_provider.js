// An identity provider (SAML) of others' make: `samlp` of Auth0 writes and signs what it says, and has the page that
// posts it to AWS. Before that a person comes from a portal on another host, types a name, then a password, each on a page of
// its own, and is known by a cookie from then on. Prints its port, and each request's method and path; a page asks for
// /focused once its field has the focus.
//
//   node identity_provider.js ROLE…        a role given to the person is written as an ARN
const { execFileSync } = require("node:child_process");
const { mkdtempSync, readFileSync, rmSync } = require("node:fs");
const { tmpdir } = require("node:os");
const { join } = require("node:path");
const express = require("express");
const samlp = require("samlp");

const roles = process.argv.slice(2);
const AWS = "https://signin.aws.amazon.com/saml";
const says = (name) => `https://aws.amazon.com/SAML/Attributes/${name}`;

const folder = mkdtempSync(join(tmpdir(), "kf-idp-"));
const [key, cert] = ["key.pem", "cert.pem"].map((name) => join(folder, name));
const request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=idp", "-keyout", key, "-out", cert];
execFileSync("openssl", request, { stdio: "ignore" });
const pair = { key: readFileSync(key), cert: readFileSync(cert) };
rmSync(folder, { recursive: true });

const field = (name, type) =>
  `<!doctype html><title>Sign in</title><form method=post><label>${name} <input name=${name} type=${type} autofocus onfocus="this.onfocus = null; fetch('/focused')"></label><button>Next</button></form>`;
const cookie = (request, name) => new RegExp(`\\b${name}=(\\w+)`).exec(request.headers.cookie ?? "")?.[1];

const app = express();
app.use(express.urlencoded({ extended: false }));
app.use((request, _, next) => {
  console.log(`${request.method} ${request.path}`);
  next();
});
app.get("/focused", (_, answer) => answer.end());
// The portal, whose address is in the configuration; the identity provider is on another host.
app.get("/aws", (request, answer) => answer.redirect(`http://localhost:${request.socket.localPort}/saml`));
app.all("/name", (request, answer) => {
  if (request.method === "GET") return answer.send(field("name", "text"));
  answer.cookie("name", request.body.name).redirect("/password");
});
app.all("/password", (request, answer) => {
  if (request.body?.password !== "correct horse") return answer.send(field("password", "password"));
  answer.cookie("person", cookie(request, "name"), { maxAge: 3600_000, httpOnly: true }).redirect("/saml");
});
app.get(
  "/saml",
  (request, answer, next) => {
    const person = cookie(request, "person");
    if (person === undefined) return answer.redirect("/name");
    request.user = person;
    next();
  },
  samlp.auth({
    ...pair,
    issuer: "https://idp.example",
    audience: AWS,
    recipient: AWS,
    lifetimeInSeconds: 300,
    getPostURL: (_audience, _document, _request, done) => done(null, AWS),
    profileMapper: (person) => ({
      getClaims: () => ({
        [says("Role")]: roles.map((role) => `${role},${role.replace(/role\/.*/, "saml-provider/idp")}`),
        [says("RoleSessionName")]: `${person}@example`,
      }),
      getNameIdentifier: () => ({ nameIdentifier: person }),
    }),
  }),
);
const server = app.listen(0, () => console.log(server.address().port));
