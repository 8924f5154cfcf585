// Package authentication makes credentials: each is an azcore.TokenCredential that
// also works anywhere else in the Azure SDK for Go, and every other
// azcore.TokenCredential works with this module.
package authentication
