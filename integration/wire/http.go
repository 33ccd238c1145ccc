package wire

// BasePath is where the API begins: its version.
const BasePath = "/api/v1"

// AuthorHeader names the person behind a request on an open loopback listener.
// It is ignored wherever tokens are configured: there the token's name counts.
const AuthorHeader = "X-Cordon-Author"
