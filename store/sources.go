package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"cordon/quarantine"
)

// sourcesPerCall bounds how many sources one run of the script takes: Lua unpacks
// no more than some 8,000 values.
const sourcesPerCall = 3000

// sourcesReport is the argument of sources.lua; times are ms. Lua takes them as doubles,
// which are exact to 53 bits, as all of them are.
type sourcesReport struct {
	At        int64          `json:"at"`
	Listening bool           `json:"listening,omitempty"`
	Times     int            `json:"times"`
	Least     int64          `json:"least"`
	History   int64          `json:"history"`
	Unheard   int64          `json:"unheard"`
	Days      int            `json:"days"`
	Sources   []sourceReport `json:"sources"`
}

type sourceReport struct {
	Name     string `json:"name"`
	First    int64  `json:"first"`
	Last     int64  `json:"last"`
	Reported int64  `json:"reported"`
	Behind   int64  `json:"behind"`
	Records  uint64 `json:"records"`
}

// ReportSources implements quarantine.AccountingSourceBook.
func (s *Store) ReportSources(ctx context.Context, r quarantine.SourceReport) error {
	var calls []*call
	for heard := r.Activity; ; heard = heard[sourcesPerCall:] {
		text, err := json.Marshal(sourcesArguments(&r, heard[:min(len(heard), sourcesPerCall)]))
		if err != nil {
			return fmt.Errorf("report accounting sources: %w", err)
		}
		calls = append(calls, &call{script: sourcesScript, keys: []string{s.keys.sources()}, args: []any{text}})
		if len(heard) <= sourcesPerCall {
			break
		}
	}
	s.run(ctx, calls)
	for _, c := range calls {
		if err := c.cmd.Err(); err != nil {
			return fmt.Errorf("report accounting sources: %w", err)
		}
	}
	return nil
}

func sourcesArguments(r *quarantine.SourceReport, heard []quarantine.SourceActivity) *sourcesReport {
	report := &sourcesReport{
		At: r.At.UnixMilli(), Listening: r.Listening, Times: r.Rule.Times, Least: r.Rule.Least.Milliseconds(),
		History: r.Rule.History.Milliseconds(),
		Unheard: quarantine.UnheardAfter.Milliseconds(), Days: quarantine.SourceDays, Sources: make([]sourceReport, len(heard)),
	}
	for i, h := range heard {
		report.Sources[i] = sourceReport{
			Name: h.Source, First: h.First.UnixMilli(), Last: h.Last.UnixMilli(), Reported: h.Reported.UnixMilli(),
			Behind: h.Behind.Milliseconds(), Records: h.Records,
		}
	}
	return report
}

// AccountingSources implements quarantine.AccountingSourceBook. A field that does
// not decode is counted and passed over: that source begins anew.
func (s *Store) AccountingSources(ctx context.Context) (quarantine.AccountingSources, error) {
	known := quarantine.AccountingSources{Sources: map[string]quarantine.AccountingSource{}}
	fields, err := s.client.HGetAll(ctx, s.keys.sources()).Result()
	if err != nil {
		return known, fmt.Errorf("read accounting sources: %w", err)
	}
	for field, value := range fields {
		name, isSource := strings.CutPrefix(field, "s:")
		switch {
		case isSource:
			source, ok := decodeSource(value)
			if !ok {
				s.unreadable.Add(1)
				continue
			}
			known.Sources[name] = source
		case field == "heard":
			numbers, ok := numbersOf(value, ":", 2)
			if !ok {
				s.unreadable.Add(1)
				continue
			}
			known.ReportedAt, known.Unheard = fromMilli(numbers[0]), fromMilliseconds(numbers[1])
		}
	}
	return known, nil
}

func decodeSource(value string) (source quarantine.AccountingSource, ok bool) {
	cut := strings.LastIndexByte(value, ':')
	if cut < 0 {
		return source, false
	}
	numbers, ok := numbersOf(value[:cut], ":", 5)
	if !ok {
		return source, false
	}
	source.First, source.Last, source.Reported = fromMilli(numbers[0]), fromMilli(numbers[1]), fromMilli(numbers[2])
	source.Behind, source.Unheard = fromMilliseconds(numbers[3]), fromMilliseconds(numbers[4])
	for text := range strings.SplitSeq(value[cut+1:], ",") {
		d, ok := numbersOf(text, ".", 3)
		if !ok {
			return source, false
		}
		source.Days = append(source.Days, quarantine.SourceDay{Day: d[0], Longest: fromMilliseconds(d[1]), Records: uint64(d[2])})
	}
	return source, true
}

// numbersOf reads n whole numbers, none below 0.
func numbersOf(text, separator string, n int) ([]int64, bool) {
	parts := strings.Split(text, separator)
	numbers := make([]int64, len(parts))
	for i, p := range parts {
		var err error
		if numbers[i], err = strconv.ParseInt(p, 10, 64); err != nil || numbers[i] < 0 {
			return nil, false
		}
	}
	return numbers, len(numbers) == n
}

func fromMilliseconds(n int64) time.Duration { return time.Duration(n) * time.Millisecond }
