// Package dialect knows the requests with which each platform restricts a session,
// restores it and ends it. A dialect is data: one YAML file, checked when it is
// loaded, so that adding a platform means writing down facts and not code.
//
// A dialect turns "restrict this session with that name" into steps: the
// Disconnect- and CoA-Requests to send one after the other, each confirmed before the
// next, each with the request that undoes it. A step that is refused means that
// the steps before it are to be undone, the last one first.
//
// It is not a client: it sends nothing, waits for nothing and adds neither
// Message-Authenticator nor Event-Timestamp. It knows nothing of
// verdicts, subscribers or cases, and does not decide; a session is what
// accounting reported, as attributes.
//
// # Log-ins
//
// A restricted subscriber who logs in anew should not be free until the CoA
// comes. Each form says what the AAA server's Access-Accept is to be changed to
// ([Dialect.Login]), or why it is left alone. What a log-in sets, the same form's
// restore undoes.
//
// # Verification
//
// An ACK of most platforms verifies little. Each form says how a change is verified: by
// people, or by a program ([Dialect.Checks]) that reads the ACK of a query or the next
// accounting record. What a record leaves out says nothing, unless the platform is
// known to report everything.
//
// # Operators' own
//
// [Load] reads any folder, with attributes from any [radiusx.Dictionary], and
// [Set.With] adds the result to the built-in dialects. The same rules hold for
// both, because both decide whose line changes.
//
// # Forms
//
// A form is one way of restricting. In the overlay form the restriction lies on
// top of what the session has, and nothing else is touched; in the swap form
// it takes the place of the normal profile, whose name must therefore be known.
// [Profile].Normal chooses: [Overlay], or that name. Every form says how to
// restrict, how to restore and how to change from one restriction to another, and
// the loader refuses a form whose restore does not undo its restrict.
package dialect
