// Package radclient sends CoA and Disconnect requests by hand in the manner of
// FreeRADIUS' radclient: what runs behind "cordon coa send". No case knows of them,
// and nothing undoes them.
package radclient
