package main

import (
	"io"
	"os"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/spf13/cobra"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"golang.org/x/term"

	"cordon/cmd/cordon/app"
)

// newServe is "cordon serve".
func newServe(sh *shell) *cobra.Command {
	var file, level, format string
	var debug bool
	c := &cobra.Command{
		Use: "serve -c FILE", Short: "Run the server", Args: cobra.NoArgs,
		Example: "  cordon serve -c /etc/cordon/cordon.yaml\n  cordon serve -c cordon.yaml --debug",
		RunE: func(c *cobra.Command, _ []string) error {
			if file == "" {
				return usage("-c FILE is required")
			}
			log, err := newLogger(sh.err, level, format)
			if err != nil {
				return err
			}
			options := app.Options{Logger: log, Version: thisBuild()}
			if debug {
				options.Debug = sh.err
			}
			return serve(c, file, options)
		},
	}
	f := c.Flags()
	f.StringVarP(&file, "config", "c", "", "configuration file")
	f.BoolVar(&debug, "debug", false, "print every CoA exchange on standard error, as radclient does")
	f.StringVar(&level, "log-level", "info", "debug, info, warn or error")
	f.StringVar(&format, "log-format", "", "json or console (default: console on a terminal, else json)")
	return c
}

func serve(c *cobra.Command, file string, options app.Options) error {
	cfg, parts, warnings, err := app.Load(file)
	if err != nil {
		return failed("cordon check config "+file, "%w", err)
	}
	for _, w := range warnings {
		options.Logger.Warn("configuration", zap.String("at", w.Error()))
	}
	server, err := app.New(c.Context(), cfg, parts, options)
	if err != nil {
		return err
	}
	defer server.Stop()
	server.Start()
	options.Logger.Info("serving", zap.Stringer("http", server.Addr()), zap.Stringer("mode", cfg.Policy.Mode), zap.Int("bngs", len(cfg.BNGs)))
	_, _ = daemon.SdNotify(false, daemon.SdNotifyReady) // a no-op without systemd
	select {
	case <-c.Context().Done():
		options.Logger.Info("stopping")
		_, _ = daemon.SdNotify(false, daemon.SdNotifyStopping)
		return nil
	case err := <-server.Failed():
		return err
	}
}

// newLogger logs to w without sampling: each line is one unit of work.
func newLogger(w io.Writer, level, format string) (*zap.Logger, error) {
	at, err := zapcore.ParseLevel(level)
	if err != nil {
		return nil, usage("--log-level: %w", err)
	}
	if file, ok := w.(*os.File); format == "" {
		format = "json"
		if ok && term.IsTerminal(int(file.Fd())) {
			format = "console"
		}
	}
	encoding := zap.NewProductionEncoderConfig()
	encoding.EncodeTime = zapcore.RFC3339NanoTimeEncoder
	encoding.EncodeDuration = zapcore.StringDurationEncoder
	var encoder zapcore.Encoder
	switch format {
	case "json":
		encoder = zapcore.NewJSONEncoder(encoding)
	case "console":
		encoder = zapcore.NewConsoleEncoder(encoding)
	default:
		return nil, usage("--log-format: must be json or console, not %q", format)
	}
	return zap.New(zapcore.NewCore(encoder, zapcore.Lock(zapcore.AddSync(w)), at)), nil
}
