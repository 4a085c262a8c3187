/**
 * A certificate for tests of TLS, valid for a hundred years, of a server that calls itself `chat.test`.
 * Made with `openssl req -x509 -newkey ec`; it opens nothing.
 */

/** The certificate, which signs itself. */
export const chatCert = `-----BEGIN CERTIFICATE-----
MIIBlTCCATugAwIBAgIUUAZCQtuzQpLegU3FayhJbspiFu0wCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJY2hhdC50ZXN0MCAXDTI2MTEyMDExNTYwM1oYDzIxMjYxMDI3
MTE1NjAzWjAUMRIwEAYDVQQDDAljaGF0LnRlc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAATUPYco+NwsR1M0iwch7uqgTMxKWpwolfI19q+6rT9JIg1K4G6KPyND
Z63QZ4FCHp4aFHycGsuhTjNuWL/5LT8zo2kwZzAdBgNVHQ4EFgQU205+L5MmB+3L
4vov/vWwWoT/qngwHwYDVR0jBBgwFoAU205+L5MmB+3L4vov/vWwWoT/qngwDwYD
VR0TAQH/BAUwAwEB/zAUBgNVHREEDTALggljaGF0LnRlc3QwCgYIKoZIzj0EAwID
SAAwRQIhAP4FSb9bc0GDfaEn0WkpGfwCK1wVpaOqb1cMTUM6BxRQAiAuwSpdTQFu
eP6l9z6C5wAxKGCFVxaZ8Q2vWtkT87bvHQ==
-----END CERTIFICATE-----
`

/** Its key. */
export const chatKey = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgndy8J/Pg8wTZ7IjY
F97m6XEenaXVPLdDkfATI4saRcGhRANCAATUPYco+NwsR1M0iwch7uqgTMxKWpwo
lfI19q+6rT9JIg1K4G6KPyNDZ63QZ4FCHp4aFHycGsuhTjNuWL/5LT8z
-----END PRIVATE KEY-----
`
