package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"cordon/cmd/cordon/client"
	"cordon/integration/wire"
)

// Rows and bytes of one request: below the server's limits.
const (
	chunkRows  = 1000
	chunkBytes = 2 << 20
)

// maxBadLines is how many faults are printed.
const maxBadLines = 100

func newSessionImport(r *remote) *cobra.Command {
	var zone string
	c := &cobra.Command{
		Use: "import FILE", Short: "Import sessions from another program, for the initial load", Args: cobra.ExactArgs(1),
		Long: "Reads CSV with a header, as exported from FreeRADIUS' table radacct; - is standard input. Columns, in any order:\n" +
			" acctsessionid, username, nasipaddress (or nasidentifier), acctstarttime, acctupdatetime, acctstoptime,\n" +
			"framedipaddress, framedipv6address, framedipv6prefix, delegatedipv6prefix, framedinterfaceid, nasportid,\n" +
			"callingstationid, calledstationid, acctmultisessionid, filterid, class. Others are ignored.\n" +
			"Faults are reported by line, valid rows are imported. A repeated import is harmless: newer records are never undone.",
		Example: "  cordon session import radacct.csv --tz Europe/Berlin",
		RunE: func(c *cobra.Command, args []string) error {
			in := r.in
			if args[0] != "-" {
				file, err := os.Open(args[0])
				if err != nil {
					return failed("", "%w", err)
				}
				defer func() { _ = file.Close() }() // only read
				in = file
			}
			return r.importSessions(c.Context(), in, zone)
		},
	}
	c.Flags().StringVar(&zone, "tz", "", "time zone of times without an offset: Europe/Berlin, or +01:00")
	return c
}

// importer sends rows in requests of limited size.
type importer struct {
	*remote
	api    *client.Client
	query  url.Values
	header []string
	body   bytes.Buffer
	lines  []int              // of the file, for each row in body
	sum    wire.ImportReceipt // of all requests
}

func (r *remote) importSessions(ctx context.Context, in io.Reader, zone string) error {
	api, err := r.client()
	if err != nil {
		return err
	}
	im := &importer{remote: r, api: api, query: url.Values{}}
	if zone != "" {
		im.query.Set("tz", zone)
	}
	if err := im.read(ctx, in); err != nil {
		if n := im.sum.Accepted + im.sum.Skipped; n > 0 {
			r.say("%d rows were imported before; correct the file and import it again: repeated rows change nothing", n)
		}
		return err
	}
	return im.report()
}

// read sends the file in chunks.
func (im *importer) read(ctx context.Context, in io.Reader) error {
	rows := csv.NewReader(in)
	rows.FieldsPerRecord = -1
	header, err := rows.Read()
	if err != nil {
		return failed("the first line must be the names of the columns", "read the header: %w", err)
	}
	header[0] = strings.TrimPrefix(header[0], "\ufeff")
	im.header = header
	for {
		fields, err := rows.Read()
		var bad *csv.ParseError
		switch {
		case errors.Is(err, io.EOF):
			return im.send(ctx)
		case errors.As(err, &bad):
			im.refuse(bad.StartLine, bad.Err.Error())
			continue
		case err != nil:
			return fmt.Errorf("read the file: %w", err)
		}
		line, _ := rows.FieldPos(0)
		if err := im.row(ctx, line, fields); err != nil {
			return err
		}
	}
}

// row adds one row to the request, and sends that when it is full.
func (im *importer) row(ctx context.Context, line int, fields []string) error {
	if len(fields) != len(im.header) {
		im.refuse(line, fmt.Sprintf("must have %d fields, as the header has, not %d", len(im.header), len(fields)))
		return nil
	}
	row := make(map[string]string, len(fields))
	for i, name := range im.header {
		if fields[i] != "" {
			row[name] = fields[i]
		}
	}
	text, err := json.Marshal(row)
	if err != nil {
		return fmt.Errorf("encode line %d: %w", line, err)
	}
	im.body.Write(append(text, '\n'))
	if im.lines = append(im.lines, line); len(im.lines) < chunkRows && im.body.Len() < chunkBytes {
		return nil
	}
	return im.send(ctx)
}

func (im *importer) refuse(line int, why string) {
	im.sum.Rejected = append(im.sum.Rejected, wire.LineFault{Line: line, Error: why})
}

// send sends the collected rows.
func (im *importer) send(ctx context.Context) error {
	if len(im.lines) == 0 {
		return nil
	}
	path := "/sessions/import"
	if len(im.query) > 0 {
		path += "?" + im.query.Encode()
	}
	raw, err := im.api.PostBody(ctx, path, "application/x-ndjson", im.body.Bytes())
	if err != nil {
		return err
	}
	answer, err := decode[wire.ImportReceipt](raw)
	if err != nil {
		return err
	}
	im.sum.Accepted += answer.Accepted
	im.sum.Skipped += answer.Skipped
	for _, refused := range answer.Rejected {
		if refused.Line > 0 && refused.Line <= len(im.lines) {
			im.refuse(im.lines[refused.Line-1], refused.Error)
		}
	}
	for _, name := range answer.Ignored {
		if !slices.Contains(im.sum.Ignored, name) {
			im.sum.Ignored = append(im.sum.Ignored, name)
		}
	}
	im.body.Reset()
	im.lines = im.lines[:0]
	return nil
}

// report prints the sum; the exit code with faults is 4, or 1 if no row was valid.
func (im *importer) report() error {
	slices.SortStableFunc(im.sum.Rejected, func(a, b wire.LineFault) int { return a.Line - b.Line })
	im.sum.Rejected, im.sum.Ignored = append([]wire.LineFault{}, im.sum.Rejected...), append([]string{}, im.sum.Ignored...)
	if len(im.sum.Ignored) > 0 {
		im.say("ignored columns: %s", strings.Join(im.sum.Ignored, ", "))
	}
	for i, refused := range im.sum.Rejected {
		if i == maxBadLines {
			im.say("and %d more", len(im.sum.Rejected)-maxBadLines)
			break
		}
		im.say("line %d: %s", refused.Line, refused.Error)
	}
	raw, err := json.Marshal(im.sum)
	if err != nil {
		return fmt.Errorf("encode the sum: %w", err)
	}
	t := &table{header: []string{"ACCEPTED", "SKIPPED", "REJECTED"}}
	t.add(fmt.Sprint(im.sum.Accepted), fmt.Sprint(im.sum.Skipped), fmt.Sprint(len(im.sum.Rejected)))
	if err := im.print(printed{raw: raw, names: []string{fmt.Sprint(im.sum.Accepted)}, table: t}); err != nil {
		return err
	}
	switch n := len(im.sum.Rejected); {
	case n == 0:
		return nil
	case im.sum.Accepted+im.sum.Skipped == 0:
		return failed("cordon session import --help", "none of %d rows could be imported", n)
	default:
		return &exitError{code: exitPartly, err: fmt.Errorf("%d of %d rows could not be imported", n, n+im.sum.Accepted+im.sum.Skipped),
			next: "correct those lines and import the file again"}
	}
}
