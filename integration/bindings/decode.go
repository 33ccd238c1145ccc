package bindings

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"cordon/integration/httpx"
	"cordon/integration/wire"
	"cordon/quarantine"
)

// heartbeat reports whether the line is only about the log's progress.
func heartbeat(l *wire.Binding) bool {
	return *l == wire.Binding{CompleteTo: l.CompleteTo} && l.CompleteTo != ""
}

// statement is one decoded line.
type statement struct {
	binding   quarantine.Binding
	reported  time.Time // newest time in it
	heartbeat bool      // without a binding
}

// reader decodes lines.
type reader struct {
	plan   quarantine.AddressPlan
	sender string // who pushes, for the key
	oldest time.Time
	now    time.Time
}

// read reads one line, strictly. Errors name the field.
func (r *reader) read(raw []byte) (statement, error) {
	var s statement
	if err := httpx.CheckJSON(raw); err != nil {
		return s, err
	}
	var line wire.Binding
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&line); err != nil {
		return s, fmt.Errorf("%s", strings.TrimPrefix(err.Error(), "json: "))
	}
	if line.CompleteTo != "" {
		return r.completeTo(&line)
	}
	for _, step := range []func(*wire.Binding, *quarantine.Binding) error{r.block, r.interval, r.holder} {
		if err := step(&line, &s.binding); err != nil {
			return s, err
		}
	}
	s.reported = s.binding.RenewedAt
	return s, nil
}

// completeTo reads a line that is only about the log's progress.
func (r *reader) completeTo(line *wire.Binding) (s statement, err error) {
	if !heartbeat(line) {
		return s, &quarantine.FieldError{Field: "complete_to", Reason: "must be alone on its line"}
	}
	s.heartbeat = true
	s.reported, err = r.moment("complete_to", line.CompleteTo)
	return s, err
}

func (r *reader) block(line *wire.Binding, b *quarantine.Binding) error {
	addr, err := netip.ParseAddr(line.IP)
	if err != nil {
		return &quarantine.FieldError{Field: "ip", Reason: fmt.Sprintf("invalid address %q", line.IP)}
	}
	addr = addr.Unmap().WithZone("")
	if quarantine.Private(addr) {
		return &quarantine.FieldError{Field: "ip", Reason: fmt.Sprintf("%s is a private address", addr)}
	}
	if wrong := quarantine.CheckAddress(addr); wrong != nil {
		return &quarantine.FieldError{Field: "ip", Reason: addr.String() + " " + wrong.Reason}
	}
	ports, err := quarantine.ParsePortRange(line.Ports)
	if err != nil || ports.All() {
		return &quarantine.FieldError{Field: "ports", Reason: fmt.Sprintf("invalid port block %q, e.g. 1024-2047", line.Ports)}
	}
	b.Address = quarantine.Address{Prefix: netip.PrefixFrom(addr, addr.BitLen()), Kind: quarantine.NATPortBlock, Ports: ports}
	return nil
}

func (r *reader) interval(line *wire.Binding, b *quarantine.Binding) error {
	var err error
	if b.From, err = r.moment("from", line.From); err != nil {
		return err
	}
	b.RenewedAt = b.From
	if line.RenewedAt != "" {
		if b.RenewedAt, err = r.moment("renewed_at", line.RenewedAt); err != nil {
			return err
		}
		if b.RenewedAt.Before(b.From) {
			return &quarantine.FieldError{Field: "renewed_at", Reason: "must not be before from"}
		}
	}
	if line.To == nil {
		return nil
	}
	if b.To, err = r.moment("to", *line.To); err != nil {
		return err
	}
	if b.To.Before(b.From) {
		return &quarantine.FieldError{Field: "to", Reason: "must not be before from"}
	}
	if b.To.Before(b.RenewedAt) {
		return &quarantine.FieldError{Field: "to", Reason: "must not be before renewed_at"}
	}
	b.RenewedAt = b.To
	return nil
}

func (r *reader) moment(field, text string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339Nano, text)
	switch {
	case err != nil:
		invalid := fmt.Sprintf("invalid RFC 3339 time with an offset %q, e.g. 2026-01-02T15:04:05Z", text)
		return t, &quarantine.FieldError{Field: field, Reason: invalid}
	case t.After(r.now.Add(quarantine.FutureTolerance)):
		return t, &quarantine.FieldError{Field: field, Reason: "must not be in the future: " + text}
	case t.Before(r.oldest):
		return t, &quarantine.FieldError{Field: field, Reason: "must not be older than attribution.history: " + text}
	}
	return t.UTC().Truncate(time.Millisecond), nil
}

func (r *reader) holder(line *wire.Binding, b *quarantine.Binding) error {
	if (line.PrivateIP == "") == (line.Subscriber == "") {
		return &quarantine.FieldError{Field: "private_ip", Reason: "must have exactly one of private_ip and subscriber"}
	}
	if line.Subscriber != "" {
		if wrong := quarantine.CheckSubscriber(line.Subscriber); wrong != nil {
			return wrong
		}
		b.Subscriber = line.Subscriber
		b.Session = quarantine.SessionKey{BNG: r.sender, ID: line.Subscriber}
		return nil
	}
	addr, err := netip.ParseAddr(line.PrivateIP)
	if err != nil {
		return &quarantine.FieldError{Field: "private_ip", Reason: fmt.Sprintf("invalid address %q", line.PrivateIP)}
	}
	if b.Via, err = r.plan.In(line.Space, addr); err != nil {
		return err
	}
	b.Session = quarantine.SessionKey{BNG: r.sender, ID: b.Via.String()}
	return nil
}
