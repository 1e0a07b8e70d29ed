#!/usr/bin/env python3
"""Prints the scalars of a TensorBoard event file as JSON Lines, by the format's description alone: Python's own library,
neither protobuf nor TensorBoard.  Fails where a checksum or a record is wrong."""
import json
import struct
import sys


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def masked(data):
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def records(data):
    while data:
        head, check = data[:8], struct.unpack("<I", data[8:12])[0]
        assert masked(head) == check, "the checksum of a length is wrong"
        size = struct.unpack("<Q", head)[0]
        body = data[12:12 + size]
        assert masked(body) == struct.unpack("<I", data[12 + size:16 + size])[0], "the checksum of a record is wrong"
        yield body
        data = data[16 + size:]


def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if data[at - 1] < 0x80:
            return value, at


def fields(data):
    """(number, value) of each field of a protobuf message."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = varint(data, at)
        elif kind == 1:
            value, at = struct.unpack("<d", data[at:at + 8])[0], at + 8
        elif kind == 5:
            value, at = struct.unpack("<f", data[at:at + 4])[0], at + 4
        else:
            assert kind == 2, f"kind {kind}"
            size, at = varint(data, at)
            value, at = data[at:at + size], at + size
        yield key >> 3, value


def main():
    events = [dict(fields(body)) for body in records(open(sys.argv[1], "rb").read())]
    assert events[0][3] == b"brain.Event:2", "the first event names no version"
    assert all(event[1] > 1e9 for event in events), "an event has no time"
    for event in events[1:]:
        if 7 in event:
            print(json.dumps({"start": event[2]}))
        for number, value in fields(event.get(5, b"")):
            scalar = dict(fields(value))
            print(json.dumps({"step": event[2], "tag": scalar[1].decode(), "value": scalar[2]}))


main()
