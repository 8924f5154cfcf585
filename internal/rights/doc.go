// Package rights lets tests meet files that may not be read or written, also where they
// run as root, who may do everything.
package rights
