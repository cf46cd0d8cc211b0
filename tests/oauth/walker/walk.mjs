// Walks through the provider with oauth4webapi. Each line written is something the user has to do; each line read is
// what came of it. Whatever is not as the library wants it throws, and ends the walk with a non-zero status.
import assert from "node:assert/strict";
import readline from "node:readline";
import * as oauth from "./vendor/oauth4webapi.mjs";

const [issuerText, sessionToken] = process.argv.slice(2);
const issuer = new URL(issuerText);
const insecure = { [oauth.allowInsecureRequests]: true };
const callback = "http://127.0.0.1:45454/callback";
const api = `${issuerText}/api/v1`;
const lines = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();

async function user(does) {
  console.log(JSON.stringify(does));
  return (await lines.next()).value;
}

async function balances(token) {
  return oauth.protectedResourceRequest(token, "GET", new URL(`${api}/balances`), new Headers(), null, insecure);
}

async function refused(promise, error) {
  await assert.rejects(promise, (fault) => fault.error === error || fault.cause?.[0]?.parameters?.error === error);
}

// Discovery, the same by both names.
const found = await Promise.all(["oidc", "oauth2"].map(async (algorithm) =>
  oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { algorithm, ...insecure }))));
assert.deepEqual(found[0], found[1]);
const server = found[0];

// Registration, by a developer who is signed in.
async function register(metadata) {
  const sent = await oauth.dynamicClientRegistrationRequest(server, metadata, { initialAccessToken: sessionToken, ...insecure });
  return oauth.processDynamicClientRegistrationResponse(sent);
}
const client = await register({
  client_name: "Walker", redirect_uris: [callback], scope: "openid profile:read wallet:read",
  token_endpoint_auth_method: "client_secret_basic",
});
const proof = oauth.ClientSecretBasic(client.client_secret);

// The authorization code, with PKCE, state, nonce, issuer and resource.
const verifier = oauth.generateRandomCodeVerifier();
const [state, nonce] = [oauth.generateRandomState(), oauth.generateRandomNonce()];
const ask = new URL(server.authorization_endpoint);
for (const [name, value] of Object.entries({
  client_id: client.client_id, redirect_uri: callback, response_type: "code", scope: client.scope, state, nonce,
  code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: "S256",
})) ask.searchParams.set(name, value);
const came = new URL(await user({ consent: ask.href }));
const parameters = oauth.validateAuthResponse(server, client, came, state);
const redeem = () => oauth.authorizationCodeGrantRequest(server, client, proof, parameters, callback, verifier, insecure);
const tokens = await oauth.processAuthorizationCodeResponse(server, client, await redeem(),
  { expectedNonce: nonce, requireIdToken: true });
const subject = oauth.getValidatedIdTokenClaims(tokens).sub;
await refused(redeem().then((answer) => oauth.processAuthorizationCodeResponse(server, client, answer)), "invalid_grant");

// The access token as a resource server of RFC 9068 reads it, and as ours does.
const carried = new Request(`${api}/balances`, { headers: { authorization: `Bearer ${tokens.access_token}` } });
const claims = await oauth.validateJwtAccessToken(server, carried, api, insecure);
assert.equal(claims.sub, subject);
assert.equal((await balances(tokens.access_token)).status, 200);

// Who the user is.
const told = await oauth.processUserInfoResponse(server, client, subject,
  await oauth.userInfoRequest(server, client, tokens.access_token, insecure));
assert.match(told.public_key, /^0[23][0-9a-f]{64}$/);

// Introspection, refreshing, revocation.
async function introspect(token) {
  return oauth.processIntrospectionResponse(server, client,
    await oauth.introspectionRequest(server, client, proof, token, insecure));
}
assert.equal((await introspect(tokens.access_token)).active, true);
const refreshed = await oauth.processRefreshTokenResponse(server, client,
  await oauth.refreshTokenGrantRequest(server, client, proof, tokens.refresh_token, insecure));
assert.notEqual(refreshed.refresh_token, tokens.refresh_token);
assert.equal((await balances(refreshed.access_token)).status, 200);
await oauth.processRevocationResponse(
  await oauth.revocationRequest(server, client, proof, refreshed.refresh_token, insecure));
assert.equal((await introspect(refreshed.access_token)).active, false);
await assert.rejects(balances(refreshed.access_token), oauth.WWWAuthenticateChallengeError);

// A token that is bound to a key (DPoP): the same again, with a proof on each request.
const keys = await oauth.generateKeyPair("ES256");
const DPoP = oauth.DPoP(client, keys);
const bound = { ...insecure, DPoP };
ask.searchParams.set("state", oauth.generateRandomState());
ask.searchParams.set("prompt", "consent");
ask.searchParams.set("dpop_jkt", await DPoP.calculateThumbprint());
const cameBound = oauth.validateAuthResponse(server, client, new URL(await user({ consent: ask.href })), ask.searchParams.get("state"));
const redeemBound = async () => oauth.processAuthorizationCodeResponse(server, client,
  await oauth.authorizationCodeGrantRequest(server, client, proof, cameBound, callback, verifier, bound),
  { expectedNonce: nonce, requireIdToken: true });
// Nobody knows the nonce before they were told it; the library keeps it for all that follows.
await assert.rejects(redeemBound(), oauth.isDPoPNonceError);
const boundTokens = await redeemBound();
assert.equal(boundTokens.token_type, "dpop");
const withProof = (token, options) =>
  oauth.protectedResourceRequest(token, "GET", new URL(`${api}/balances`), new Headers(), null, options);
assert.equal((await withProof(boundTokens.access_token, bound)).status, 200);
await oauth.processUserInfoResponse(server, client, subject,
  await oauth.userInfoRequest(server, client, boundTokens.access_token, bound));
await assert.rejects(balances(boundTokens.access_token), oauth.WWWAuthenticateChallengeError);
const thief = { ...insecure, DPoP: oauth.DPoP(client, await oauth.generateKeyPair("ES256")) };
await assert.rejects(withProof(boundTokens.access_token, thief), oauth.isDPoPNonceError);
await assert.rejects(withProof(boundTokens.access_token, thief),
  (error) => error instanceof oauth.WWWAuthenticateChallengeError && !oauth.isDPoPNonceError(error));
const boundAgain = await oauth.processRefreshTokenResponse(server, client,
  await oauth.refreshTokenGrantRequest(server, client, proof, boundTokens.refresh_token, bound));
assert.equal((await withProof(boundAgain.access_token, bound)).status, 200);

// A device without a browser.
const tool = await register({
  client_name: "Tool", grant_types: ["urn:ietf:params:oauth:grant-type:device_code", "refresh_token"],
  scope: "openid wallet:read", token_endpoint_auth_method: "none",
});
const codes = await oauth.processDeviceAuthorizationResponse(server, tool,
  await oauth.deviceAuthorizationRequest(server, tool, oauth.None(), { scope: tool.scope }, insecure));
const poll = async () => oauth.processDeviceCodeResponse(server, tool,
  await oauth.deviceCodeGrantRequest(server, tool, oauth.None(), codes.device_code, insecure));
await refused(poll(), "authorization_pending");
await user({ device: codes.verification_uri_complete });
const granted = await poll();
assert.equal((await balances(granted.access_token)).status, 200);

console.log(JSON.stringify({ done: true }));
process.exit(0);
