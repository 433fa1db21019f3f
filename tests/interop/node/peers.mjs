// Lets SAML software for Node judge a response, or sign one. A job is a line of JSON on stdin, its answer one on stdout.
//
// {"peer": "node-saml" | "samlify", "action": "accept", ...}: the answer is what the peer read, or {"refused": "..."}.
// {"peer": "samlify", "action": "issue", ...}: the answer is {"response": "base64"}.
// {"peer": "node-saml" | "saml", "action": "time", "repeats": n, ...}: the answer is {"seconds": CPU of all n} (for bench/).

import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

import * as validator from "@authenio/samlify-node-xmllint";
import { SAML } from "@node-saml/node-saml";
import samlify from "samlify";

import { mintWithSaml, verifyWithNodeSaml } from "./timing.mjs";

samlify.setSchemaValidator(validator);

async function acceptWithNodeSaml({ certificates, audience, acsUrl, issuer, signed, response }) {
  const saml = new SAML({
    idpCert: certificates,
    idpIssuer: issuer,
    issuer: audience,
    audience,
    callbackUrl: acsUrl,
    wantAuthnResponseSigned: signed !== "assertion",
    wantAssertionsSigned: signed !== "response",
    validateInResponseTo: "ifPresent",
    acceptedClockSkewMs: 0,
  });
  const { profile } = await saml.validatePostResponseAsync({ SAMLResponse: response });
  return { nameId: profile.nameID, attributes: profile.attributes };
}

async function acceptWithSamlify({ idpMetadata, spMetadata, response }) {
  const idp = samlify.IdentityProvider({ metadata: idpMetadata });
  const sp = samlify.ServiceProvider({ metadata: spMetadata });
  const { extract } = await sp.parseLoginResponse(idp, "post", { body: { SAMLResponse: response } });
  return { nameId: extract.nameID, attributes: extract.attributes };
}

// What samlify's own template leaves to its user: the AuthnStatement, and no InResponseTo, since nobody asked.
const BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer";
const TEMPLATE = `<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="{ID}" Version="2.0" IssueInstant="{IssueInstant}" Destination="{Destination}">
  <saml:Issuer>{Issuer}</saml:Issuer>
  <samlp:Status><samlp:StatusCode Value="{StatusCode}"/></samlp:Status>
  <saml:Assertion ID="{AssertionID}" Version="2.0" IssueInstant="{IssueInstant}">
    <saml:Issuer>{Issuer}</saml:Issuer>
    <saml:Subject>
      <saml:NameID Format="{NameIDFormat}">{NameID}</saml:NameID>
      <saml:SubjectConfirmation Method="${BEARER}"><saml:SubjectConfirmationData NotOnOrAfter="{Expires}" Recipient="{Destination}"/></saml:SubjectConfirmation>
    </saml:Subject>
    <saml:Conditions NotBefore="{IssueInstant}" NotOnOrAfter="{Expires}"><saml:AudienceRestriction><saml:Audience>{Audience}</saml:Audience></saml:AudienceRestriction></saml:Conditions>
    <saml:AuthnStatement AuthnInstant="{IssueInstant}"><saml:AuthnContext><saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>
    {AttributeStatement}
  </saml:Assertion>
</samlp:Response>`;

async function issueWithSamlify({ idpMetadata, spMetadata, audience, acsUrl, issuer, keyFile, nameId, attributes, signed }) {
  const sp = samlify.ServiceProvider({
    metadata: spMetadata,
    wantMessageSigned: signed !== "assertion",
  });
  const idp = samlify.IdentityProvider({
    metadata: idpMetadata,
    privateKey: readFileSync(keyFile, "utf8"),
    loginResponseTemplate: {
      context: TEMPLATE,
      attributes: Object.keys(attributes).map((name) => ({
        name,
        valueTag: name,
        nameFormat: "urn:oasis:names:tc:SAML:2.0:attrname-format:basic",
        valueXsiType: "xs:string",
      })),
    },
  });
  const fill = (template) => {
    const now = new Date();
    const tags = {
      ID: `_${crypto.randomUUID()}`,
      AssertionID: `_${crypto.randomUUID()}`,
      IssueInstant: now.toISOString(),
      Expires: new Date(now.getTime() + 60_000).toISOString(),
      Destination: acsUrl,
      Issuer: issuer,
      Audience: audience,
      StatusCode: "urn:oasis:names:tc:SAML:2.0:status:Success",
      NameIDFormat: "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
      NameID: nameId,
    };
    for (const [name, value] of Object.entries(attributes)) {
      tags[`attr${name.charAt(0).toUpperCase()}${name.slice(1)}`] = value;
    }
    return { id: tags.ID, context: samlify.SamlLib.replaceTagsByValue(template, tags) };
  };
  const { context } = await idp.createLoginResponse(sp, null, "post", {}, fill, false);
  return { response: context };
}

const ACTIONS = {
  "node-saml accept": acceptWithNodeSaml,
  "samlify accept": acceptWithSamlify,
  "samlify issue": issueWithSamlify,
  "node-saml time": verifyWithNodeSaml,
  "saml time": mintWithSaml,
};

// Stdout is for answers alone: the schema validator prints to it.
const write = process.stdout.write.bind(process.stdout);
process.stdout.write = process.stderr.write.bind(process.stderr);

for await (const line of createInterface({ input: process.stdin })) {
  const job = JSON.parse(line);
  let answer;
  try {
    answer = await ACTIONS[`${job.peer} ${job.action}`](job);
  } catch (error) {
    answer = { refused: String(error?.message ?? error) };
  }
  write(`${JSON.stringify(answer)}\n`);
}
