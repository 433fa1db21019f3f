// OpenID providers for Node that our client signs in at. A job is a line of JSON on stdin, its answer one on stdout.
//
// {"action": "open", "issuer": "oidc-provider", "clients": [...]}: {"issuer": "http://..."}; the clients are in its own metadata.
// {"action": "open", "issuer": "oauth2-mock-server"}: the same; it takes every client.
// {"action": "rotate"}: oidc-provider signs with a new key from now on, and forgets the old one.
// {"action": "sign-with", "alg": "ES256"}: oauth2-mock-server signs with a key of that kind, and still publishes the others.
// {"action": "change", "claims": {...}}: it puts these claims into its tokens; null takes one out.

import { generateKeyPairSync, randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { createInterface } from "node:readline";

import { OAuth2Server } from "oauth2-mock-server";
import { Provider } from "oidc-provider";

const ROTATING = createServer();
let provider, metadata;

function newProvider(issuer, configuration) {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const jwk = { ...privateKey.export({ format: "jwk" }), alg: "RS256", use: "sig", kid: randomUUID() };
  return new Provider(issuer, { ...configuration, jwks: { keys: [jwk] } });
}

// Codes and sessions outlive the instance that signs, as they do behind a database.
const KEPT = new Map();

class Shared {
  constructor(model) {
    this.key = (id) => `${model}:${id}`;
  }
  async upsert(id, payload) {
    KEPT.set(this.key(id), payload);
  }
  async find(id) {
    return KEPT.get(this.key(id));
  }
  async findByUid(uid) {
    return [...KEPT.values()].find((payload) => payload.uid === uid);
  }
  async consume(id) {
    KEPT.get(this.key(id)).consumed = Math.floor(Date.now() / 1000);
  }
  async destroy(id) {
    KEPT.delete(this.key(id));
  }
  async revokeByGrantId(grantId) {
    for (const [key, payload] of KEPT) if (payload.grantId === grantId) KEPT.delete(key);
  }
}

function person(_context, id) {
  const claims = {
    sub: id,
    name: `${id[0].toUpperCase()}${id.slice(1)} of Node`,
    preferred_username: id,
    email: `${id}@acme.example`,
    email_verified: id !== "uma",
  };
  return { accountId: id, claims: () => claims };
}

async function openOidcProvider({ clients }) {
  await new Promise((listening) => ROTATING.listen(0, "127.0.0.1", listening));
  const issuer = `http://127.0.0.1:${ROTATING.address().port}`;
  metadata = {
    clients,
    adapter: Shared,
    findAccount: person,
    pkce: { required: () => true },
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name", "preferred_username"] },
    cookies: { keys: [randomUUID()] },
  };
  provider = newProvider(issuer, metadata);
  ROTATING.on("request", (request, response) => provider.callback()(request, response));
  return { issuer };
}

async function rotate() {
  provider = newProvider(provider.issuer, metadata);
  return {};
}

const MOCK = new OAuth2Server();
let algorithm = "RS256";
let changes = {};

async function openMock() {
  for (const alg of ["RS256", "PS256", "ES256"]) await MOCK.issuer.keys.generate(alg, { kid: alg });
  MOCK.service.on("beforeTokenSigning", ({ payload }) => {
    for (const [name, value] of Object.entries(changes)) {
      if (value === null) delete payload[name];
      else payload[name] = value;
    }
  });
  // Its keys take turns; ours is asked for by name.
  const next = MOCK.issuer.keys.get.bind(MOCK.issuer.keys);
  MOCK.issuer.keys.get = () => next(algorithm);
  MOCK.service.on("beforeUserinfo", (answer) => {
    answer.body = { sub: "johndoe", email: "johndoe@acme.example", email_verified: true, name: "John Doe" };
  });
  await MOCK.start(0, "127.0.0.1");
  return { issuer: MOCK.issuer.url };
}

const ACTIONS = {
  open: (job) => (job.issuer === "oidc-provider" ? openOidcProvider(job) : openMock()),
  rotate,
  "sign-with": async ({ alg }) => ((algorithm = alg), {}),
  change: async ({ claims }) => ((changes = claims), {}),
};

// Stdout is for answers alone.
const write = process.stdout.write.bind(process.stdout);
process.stdout.write = process.stderr.write.bind(process.stderr);

for await (const line of createInterface({ input: process.stdin })) {
  const job = JSON.parse(line);
  let answer;
  try {
    answer = await ACTIONS[job.action](job);
  } catch (error) {
    answer = { refused: String(error?.message ?? error) };
  }
  write(`${JSON.stringify(answer)}\n`);
}
process.exit(0);
