package main

import (
	"bytes"
	"crypto/sha1"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

type order struct {
	PoNo      string `json:"po_no"`
	DueDate   string `json:"due_date"`
	Warehouse string `json:"warehouse"`
	Supplier  struct {
		Code string `json:"code"`
		Name string `json:"name"`
	} `json:"supplier"`
	Lines []line `json:"lines"`
}

type line struct {
	ItemCode string      `json:"item_code"`
	Qty      json.Number `json:"qty"` // with the digits it came with
	Uom      string      `json:"uom"`
}

type scmOrder struct {
	OrderNumber string    `json:"orderNumber"`
	Due         string    `json:"due,omitempty"`
	Supplier    string    `json:"supplier,omitempty"`
	Lines       []scmLine `json:"lines"`
}

type scmLine struct {
	Sku      string      `json:"sku"`
	Quantity json.Number `json:"quantity"`
	Unit     string      `json:"unit"`
}

type message struct {
	queue string
	amqp.Publishing
}

// Code tables, as lookups/*.csv would have them.
var (
	warehouses = map[string]string{"WH01": "SH-A", "WH02": "SZ-T"}
	wmsUnits   = map[string]string{"EA": "PCS", "KG": "KGM"}
	scmUnits   = map[string]string{"EA": "piece", "KG": "kilogram"}
)

// uuid.NAMESPACE_URL
var namespace = []byte{0x6b, 0xa7, 0xb8, 0x11, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8}

// deliveries returns what an event becomes; nothing for a warehouse nobody asks for.
func deliveries(event amqp.Delivery, user string, bare bool) ([]message, error) {
	var po order
	if err := json.Unmarshal(event.Body, &po); err != nil {
		return nil, err
	}
	if err := po.validate(); err != nil {
		return nil, err
	}
	if po.Warehouse != "WH01" && po.Warehouse != "WH02" {
		return nil, nil
	}
	forWms, err := po.xml()
	if err != nil {
		return nil, err
	}
	forScm, err := po.json()
	if err != nil {
		return nil, err
	}
	return []message{
		deliver(event, "po-to-wms", "wms", "application/xml", forWms, user, bare),
		deliver(event, "po-to-scm", "scm", "application/json", forScm, user, bare),
	}, nil
}

func deliver(event amqp.Delivery, route, system, contentType string, body []byte, user string, bare bool) message {
	queue := "to." + system
	if bare {
		return message{queue, amqp.Publishing{DeliveryMode: amqp.Persistent, Body: body}}
	}
	headers := make(amqp.Table, len(event.Headers)+2)
	headers["cloudEvents_specversion"] = "1.0"
	for name, value := range event.Headers {
		if strings.HasPrefix(name, "cloudEvents_") {
			headers[name] = value
		}
	}
	headers["bus-route"] = route
	source, _ := event.Headers["cloudEvents_source"].(string)
	id, _ := event.Headers["cloudEvents_id"].(string)
	return message{queue, amqp.Publishing{
		Headers: headers, ContentType: contentType, ContentEncoding: "utf-8", DeliveryMode: amqp.Persistent,
		MessageId: deliveryID(source, id, route, system), UserId: user, Body: body,
	}}
}

// deliveryID is uuid5(NAMESPACE_URL, source, id, route, system and round joined by newlines).
func deliveryID(source, id, route, system string) string {
	name := append(append(make([]byte, 0, 128), namespace...), source+"\n"+id+"\n"+route+"\n"+system+"\n0"...)
	sum := sha1.Sum(name)
	sum[6] = sum[6]&0x0f | 0x50
	sum[8] = sum[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

func (po *order) validate() error {
	if po.PoNo == "" || len(po.Lines) == 0 {
		return errors.New("po_no and lines are required")
	}
	for _, each := range po.Lines {
		if each.ItemCode == "" || each.Qty == "" {
			return errors.New("item_code and qty are required")
		}
	}
	return nil
}

func (po *order) xml() ([]byte, error) {
	warehouse, known := warehouses[po.Warehouse]
	if !known {
		return nil, errors.New("no code for warehouse " + po.Warehouse)
	}
	due, err := time.Parse("2006-01-02", po.DueDate)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	out.Grow(1024)
	out.WriteString(`<?xml version="1.0" encoding="UTF-8"?><request><entryOrder>`)
	element(&out, "entryOrderCode", po.PoNo)
	element(&out, "warehouseCode", warehouse)
	element(&out, "expectStart", due.Format("2006-01-02 15:04:05"))
	if po.Supplier.Name != "" {
		element(&out, "supplier", po.Supplier.Name)
	}
	out.WriteString("</entryOrder><orderLines>")
	for n, each := range po.Lines {
		unit, known := wmsUnits[each.Uom]
		if !known {
			return nil, errors.New("no code for unit " + each.Uom)
		}
		qty, err := rounded(string(each.Qty))
		if err != nil {
			return nil, err
		}
		out.WriteString("<orderLine>")
		element(&out, "orderLineNo", strconv.Itoa(n+1))
		element(&out, "itemCode", each.ItemCode)
		element(&out, "planQty", qty)
		element(&out, "unit", unit)
		out.WriteString("</orderLine>")
	}
	out.WriteString("</orderLines></request>")
	return out.Bytes(), nil
}

func (po *order) json() ([]byte, error) {
	lines := make([]scmLine, len(po.Lines))
	for n, each := range po.Lines {
		unit, known := scmUnits[each.Uom]
		if !known {
			return nil, errors.New("no code for unit " + each.Uom)
		}
		lines[n] = scmLine{each.ItemCode, each.Qty, unit}
	}
	return json.Marshal(scmOrder{po.PoNo, po.DueDate, po.Supplier.Code, lines})
}

func element(out *bytes.Buffer, name, text string) {
	out.WriteString("<" + name + ">")
	_ = xml.EscapeText(out, []byte(text)) // a buffer takes everything
	out.WriteString("</" + name + ">")
}

// rounded rounds a decimal to a whole number, half away from zero, without a float between.
func rounded(number string) (string, error) {
	if strings.ContainsAny(number, "eE") {
		exact, ok := new(big.Rat).SetString(number)
		if !ok {
			return "", errors.New("no number")
		}
		return exact.FloatString(0), nil
	}
	whole, fraction, _ := strings.Cut(number, ".")
	if fraction == "" || fraction[0] < '5' {
		return strings.Replace(whole, "-0", "0", 1), nil
	}
	value, ok := new(big.Int).SetString(strings.TrimPrefix(whole, "-"), 10)
	if !ok {
		return "", errors.New("no number")
	}
	value.Add(value, big.NewInt(1))
	if strings.HasPrefix(whole, "-") {
		value.Neg(value)
	}
	return value.String(), nil
}
