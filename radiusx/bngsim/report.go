package bngsim

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"layeh.com/radius"

	"cordon/radiusx"
)

// report is one accounting record on its way to the server.
type report struct {
	at         time.Time // of the event
	lane       string    // records with the same lane keep their order
	attributes radius.Attributes
	answered   chan struct{} // closed by the lane when the server answered, or the record was forgotten
}

// report makes a record; nil without accounting. Empty values are left out.
func (b *BNG) report(status string, at time.Time, attrs []radiusx.Attribute) (*report, error) {
	if b.accountant == nil {
		return nil, nil
	}
	all := append([]radiusx.Attribute{{Name: "Acct-Status-Type", Value: status}}, b.nasAttributes()...)
	if !b.config.Accounting.OmitEventTimestamp {
		all = append(all, radiusx.Attribute{Name: "Event-Timestamp", Value: strconv.FormatInt(at.Add(b.behaviour.skew).Unix(), 10)})
	}
	for _, a := range attrs {
		if a.Value != "" {
			all = append(all, b.words.spell(a))
		}
	}
	encoded, err := b.words.EncodeAll(all)
	if err != nil {
		return nil, fmt.Errorf("accounting %s: %w", status, err)
	}
	id, _ := radiusx.Find(attrs, "Acct-Session-Id")
	lane, _, _ := strings.Cut(id, ":") // a service's records with its session's
	return &report{at: at, lane: lane, attributes: encoded, answered: make(chan struct{})}, nil
}

func (b *BNG) nasAttributes() []radiusx.Attribute {
	var attrs []radiusx.Attribute
	if ip := b.config.NASIP; ip.Is4() {
		attrs = append(attrs, radiusx.Attribute{Name: "NAS-IP-Address", Value: ip.String()})
	} else if ip.IsValid() {
		attrs = append(attrs, radiusx.Attribute{Name: "NAS-IPv6-Address", Value: ip.String()})
	}
	if b.config.Name != "" {
		attrs = append(attrs, radiusx.Attribute{Name: "NAS-Identifier", Value: b.config.Name})
	}
	return attrs
}

// sessionAttributes are what every record of a session says.
func (b *BNG) sessionAttributes(s *session, id string) []radiusx.Attribute {
	sub := &s.subscriber
	attrs := []radiusx.Attribute{
		{Name: "Acct-Session-Id", Value: id},
		{Name: "User-Name", Value: sub.User},
		{Name: "Framed-IP-Address", Value: addrText(sub.IPv4)},
		{Name: "Framed-IPv6-Address", Value: addrText(sub.IPv6)},
		{Name: "Framed-IPv6-Prefix", Value: prefixText(sub.Prefix)},
		{Name: "Delegated-IPv6-Prefix", Value: prefixText(sub.Delegated)},
		{Name: "Calling-Station-Id", Value: sub.MAC},
		{Name: "NAS-Port-Id", Value: sub.NASPortID},
		{Name: "Class", Value: sub.Class},
	}
	if !sub.IPoE {
		attrs = append(attrs, radiusx.Attribute{Name: "Framed-Protocol", Value: "PPP"})
	}
	if slices.Contains(b.behaviour.identifiers, "Alc-Subsc-ID-Str") {
		attrs = append(attrs, radiusx.Attribute{Name: "Alc-Subsc-ID-Str", Value: sub.Line})
	}
	if b.behaviour.shows != nil {
		attrs = append(attrs, b.behaviour.shows(s.state)...)
	}
	return attrs
}

func addrText(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

func prefixText(p netip.Prefix) string {
	if !p.IsValid() {
		return ""
	}
	return p.String()
}

func sessionTime(started, at time.Time) radiusx.Attribute {
	return radiusx.Attribute{Name: "Acct-Session-Time", Value: strconv.FormatInt(int64(at.Sub(started)/time.Second), 10)}
}

// reportStart makes the records of a log-in. Nobody is accounted for who is not
// let in.
func (b *BNG) reportStart(s *session, at time.Time) ([]*report, error) {
	if b.hidden(s, s.state) {
		return nil, nil
	}
	start, err := b.report("Start", at, b.sessionAttributes(s, s.id))
	if err != nil {
		return nil, err
	}
	services, err := b.reportServices(s, at)
	return append([]*report{start}, services...), err
}

// reportInterim makes the Interim-Updates of a session and its services.
func (b *BNG) reportInterim(s *session, at time.Time) ([]*report, error) {
	if b.hidden(s, s.state) {
		return nil, nil
	}
	attrs := append(b.sessionAttributes(s, s.id), sessionTime(s.started, at))
	r, err := b.report("Interim-Update", at, attrs)
	reports, errs := []*report{r}, []error{err}
	for _, service := range s.services {
		r, err := b.reportService("Interim-Update", s, service, at)
		reports, errs = append(reports, r), append(errs, err)
	}
	return reports, errors.Join(errs...)
}

// reportStop makes the Stops of a session's services and then its own.
func (b *BNG) reportStop(s *session, cause string, at time.Time) ([]*report, error) {
	if b.hidden(s, s.state) {
		return nil, nil
	}
	var reports []*report
	var errs []error
	for _, service := range s.services {
		r, err := b.reportService("Stop", s, service, at)
		reports, errs = append(reports, r), append(errs, err)
	}
	attrs := append(b.sessionAttributes(s, s.id), sessionTime(s.started, at),
		radiusx.Attribute{Name: "Acct-Terminate-Cause", Value: cause})
	r, err := b.report("Stop", at, attrs)
	return append(reports, r), errors.Join(append(errs, err)...)
}

// reportServices compares the services that are accounted for with those that
// are active, and makes the Stops and Starts in between.
func (b *BNG) reportServices(s *session, at time.Time) ([]*report, error) {
	if !b.behaviour.reportsServices {
		return nil, nil
	}
	active := make(map[string]bool, len(s.state.Services))
	for _, name := range s.state.Services {
		active[name] = true
	}
	var reports []*report
	var errs []error
	var kept []serviceSession
	for _, service := range s.services {
		if active[service.name] {
			kept = append(kept, service)
			delete(active, service.name)
			continue
		}
		r, err := b.reportService("Stop", s, service, at)
		reports, errs = append(reports, r), append(errs, err)
	}
	for _, name := range s.state.Services {
		if !active[name] {
			continue
		}
		s.numbered++
		service := serviceSession{name, fmt.Sprintf("%s:%d", s.id, s.numbered), at}
		r, err := b.reportService("Start", s, service, at)
		reports, errs, kept = append(reports, r), append(errs, err), append(kept, service)
	}
	s.services = kept
	return reports, errors.Join(errs...)
}

// reportService makes one record of a service session, as Juniper's Service
// Manager does.
func (b *BNG) reportService(status string, s *session, service serviceSession, at time.Time) (*report, error) {
	attribute := cmp.Or(b.behaviour.serviceAttribute, "ERX-Service-Session")
	attrs := append(b.sessionAttributes(s, service.id), radiusx.Attribute{Name: attribute, Value: service.name})
	if parent := b.behaviour.parentAttribute; parent != "" {
		attrs = append(attrs, radiusx.Attribute{Name: parent, Value: s.id})
	}
	if status != "Start" {
		attrs = append(attrs, sessionTime(service.started, at))
	}
	return b.report(status, at, attrs)
}

// queue gives records to the accountant and returns those there are.
func (b *BNG) queue(reports []*report) []*report {
	var queued []*report
	for _, r := range reports {
		if r != nil {
			b.accountant.queue(r)
			queued = append(queued, r)
		}
	}
	return queued
}

// answered waits until the server answered all reports.
func (b *BNG) answered(ctx context.Context, reports []*report) error {
	for _, r := range reports {
		select {
		case <-r.answered:
		case <-ctx.Done():
			return fmt.Errorf("wait for the accounting server: %w", ctx.Err())
		case <-b.stopped:
			return ErrStopped
		}
	}
	return nil
}

// interims sends Interim-Updates as they fall due, until ctx ends. A session
// whose last one is unanswered waits.
func (b *BNG) interims(ctx context.Context) {
	const slots = 10 // passes an interval, so that sessions stay spread as they logged in
	ticker := time.NewTicker(max(b.config.Accounting.Interval/slots, time.Millisecond))
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			b.interimsDue()
		}
	}
}

func (b *BNG) interimsDue() {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.config.Now()
	for _, s := range b.sessions {
		if now.Before(s.nextAt) || s.interim.pending() {
			continue
		}
		s.nextAt = now.Add(b.config.Accounting.Interval)
		reports, err := b.reportInterim(s, now)
		if err != nil {
			s.note(now, err.Error())
		}
		if queued := b.queue(reports); len(queued) > 0 {
			s.interim = queued[0]
		}
	}
}

func (r *report) pending() bool {
	if r == nil {
		return false
	}
	select {
	case <-r.answered:
		return false
	default:
		return true
	}
}
