//! A client without a library: what the server sees is what stands here.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use serde_json::{Value, json};

const TIMEOUT: Duration = Duration::from_secs(30);

/// An HTTP response.
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<String>,
    pub(crate) body: String,
}

impl Response {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.body))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("server listens");
    stream.set_read_timeout(Some(TIMEOUT)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// Sends one request on a connection of its own.
pub(crate) fn request(
    address: SocketAddr,
    method: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Response {
    let mut stream = connect(address);
    let mut head = format!("{method} / HTTP/1.1\r\nconnection: close\r\n");
    if !headers.iter().any(|(name, _)| *name == "host") {
        head.push_str(&format!("host: {address}\r\n"));
    }
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
    stream.write_all(head.as_bytes()).unwrap();
    // A server that refuses early closes while the body is still on its way.
    let _ = stream.write_all(body.as_bytes());
    let mut reader = BufReader::new(stream);
    let mut status = String::new();
    reader.read_line(&mut status).unwrap();
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let line = line.trim_end().to_owned();
        if line.is_empty() {
            break;
        }
        headers.push(line);
    }
    let mut body = Vec::new();
    reader.read_to_end(&mut body).unwrap();
    let status = status.split(' ').nth(1).unwrap().parse().unwrap();
    let response = Response { status, headers, body: String::new() };
    let body =
        if response.header("transfer-encoding") == Some("chunked") { unchunk(&body) } else { body };
    Response { body: String::from_utf8(body).unwrap(), ..response }
}

fn unchunk(mut bytes: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = bytes.windows(2).position(|pair| pair == b"\r\n") {
        let length = std::str::from_utf8(&bytes[..end]).unwrap();
        let length = usize::from_str_radix(length, 16).unwrap();
        bytes = &bytes[end + 2..];
        body.extend_from_slice(&bytes[..length]);
        bytes = &bytes[length + 2..];
    }
    body
}

/// Posts JSON.
pub(crate) fn post(address: SocketAddr, body: &str) -> Response {
    request(address, "POST", &[("content-type", "application/json")], body)
}

/// Calls a method.
pub(crate) fn call(address: SocketAddr, method: &str, params: Value) -> Result<Value, Value> {
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    outcome(post(address, &body.to_string()).json())
}

/// Splits a response into result and error.
pub(crate) fn outcome(mut response: Value) -> Result<Value, Value> {
    assert_eq!(response["jsonrpc"], "2.0", "{response}");
    match response.get_mut("error") {
        Some(error) => Err(error.take()),
        None => Ok(response["result"].take()),
    }
}

/// A WebSocket.
pub(crate) struct WebSocket {
    stream: BufReader<TcpStream>,
    waiting: Vec<Value>,
    next: u64,
}

impl WebSocket {
    /// Opens one; with an Origin as a browser sends it. None when it is refused.
    pub(crate) fn open(address: SocketAddr, origin: Option<&str>) -> Option<Self> {
        let mut stream = connect(address);
        let origin = origin.map(|o| format!("origin: {o}\r\n")).unwrap_or_default();
        let head = format!(
            "GET / HTTP/1.1\r\nhost: {address}\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n{origin}\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut stream = BufReader::new(stream);
        let mut status = String::new();
        stream.read_line(&mut status).unwrap();
        if !status.contains("101") {
            return None;
        }
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).unwrap();
            if line.trim().is_empty() {
                break;
            }
        }
        Some(Self { stream, waiting: Vec::new(), next: 1 })
    }

    fn send(&mut self, text: &str) {
        let bytes = text.as_bytes();
        let mut frame = vec![0x81];
        match u16::try_from(bytes.len()).unwrap() {
            short @ 0..=125 => frame.push(0x80 | u8::try_from(short).unwrap()),
            long => {
                frame.push(0x80 | 126);
                frame.extend(long.to_be_bytes());
            }
        }
        // The mask of zeros changes nothing.
        frame.extend([0; 4]);
        frame.extend(bytes);
        self.stream.get_mut().write_all(&frame).unwrap();
    }

    fn receive(&mut self) -> Value {
        loop {
            let mut head = [0; 2];
            self.stream.read_exact(&mut head).expect("a message arrives in time");
            let length = match head[1] & 0x7f {
                126 => {
                    let mut bytes = [0; 2];
                    self.stream.read_exact(&mut bytes).unwrap();
                    u64::from(u16::from_be_bytes(bytes))
                }
                127 => {
                    let mut bytes = [0; 8];
                    self.stream.read_exact(&mut bytes).unwrap();
                    u64::from_be_bytes(bytes)
                }
                short => u64::from(short),
            };
            let mut payload = vec![0; usize::try_from(length).unwrap()];
            self.stream.read_exact(&mut payload).unwrap();
            if head[0] & 0xf == 1 {
                return serde_json::from_slice(&payload).unwrap();
            }
        }
    }

    /// Calls a method; notifications that come first are kept.
    pub(crate) fn call(&mut self, method: &str, params: Value) -> Result<Value, Value> {
        let id = self.next;
        self.next += 1;
        let body = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        self.send(&body.to_string());
        loop {
            let message = self.receive();
            if message["id"] == id {
                return outcome(message);
            }
            self.waiting.push(message);
        }
    }

    /// Returns the next notification of a subscription.
    pub(crate) fn notification(&mut self, subscription: &Value) -> Value {
        loop {
            let found = self
                .waiting
                .iter()
                .position(|message| message["params"]["subscription"] == *subscription);
            if let Some(index) = found {
                let message = self.waiting.remove(index);
                assert_eq!(message["method"], "eth_subscription");
                return message["params"]["result"].clone();
            }
            let message = self.receive();
            self.waiting.push(message);
        }
    }
}
