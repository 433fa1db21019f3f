// Times SAML software for Node: CPU seconds of many calls in a row, everything that can be made once made before.

import { readFileSync } from "node:fs";
import { promisify } from "node:util";

import { SAML } from "@node-saml/node-saml";
import { Saml20 } from "saml";

const create = promisify(Saml20.create);

async function timed(repeats, call) {
  const before = process.cpuUsage();
  for (let n = 0; n < repeats; n++) await call(n);
  const { user, system } = process.cpuUsage(before);
  return { seconds: (user + system) / 1e6 };
}

export async function verifyWithNodeSaml({ certificate, issuer, audience, acsUrl, responses, repeats }) {
  const saml = new SAML({
    idpCert: certificate,
    idpIssuer: issuer,
    issuer: audience,
    audience,
    callbackUrl: acsUrl,
    wantAuthnResponseSigned: true,
    wantAssertionsSigned: false,
    validateInResponseTo: "never",
  });
  return timed(repeats, (n) => saml.validatePostResponseAsync({ SAMLResponse: responses[n % responses.length] }));
}

// It makes the Assertion and signs it; the Response around it would be its caller's.
export async function mintWithSaml({ keyFile, certificate, issuer, audience, acsUrl, nameId, attributes, repeats }) {
  const key = readFileSync(keyFile);
  const options = {
    key,
    cert: certificate,
    issuer,
    lifetimeInSeconds: 60,
    audiences: audience,
    recipient: acsUrl,
    nameIdentifier: nameId,
    attributes,
    signatureAlgorithm: "rsa-sha256",
    digestAlgorithm: "sha256",
  };
  return timed(repeats, async () => Buffer.from(await create(options)).toString("base64"));
}
