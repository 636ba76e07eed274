//! Reads and writes requests and answers on a stream of their own, within bounds.

use std::io;

use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use libp2p::{StreamProtocol, request_response};

use super::message::{MessageError, REQUEST_BYTES_MAX, RESPONSE_BYTES_MAX, Request, Response};

/// Name and version of the request protocol.
pub(super) const PROTOCOL: StreamProtocol = StreamProtocol::new("/mbt/sync/1");

/// A request as it was read: the transport would not tell who sent bytes that are none.
pub(super) type ReadRequest = Result<Request, MessageError>;

/// The codec of [`PROTOCOL`]. An answer that is none is an [`io::ErrorKind::InvalidData`].
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SyncCodec;

impl request_response::Codec for SyncCodec {
    type Protocol = StreamProtocol;
    type Request = ReadRequest;
    type Response = Response;

    async fn read_request<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<ReadRequest>
    where
        T: AsyncRead + Unpin + Send,
    {
        Ok(read_all(io, REQUEST_BYTES_MAX).await?.and_then(|bytes| Request::decode(&bytes)))
    }

    async fn read_response<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Response>
    where
        T: AsyncRead + Unpin + Send,
    {
        let bytes = read_all(io, RESPONSE_BYTES_MAX).await?.map_err(invalid)?;
        if bytes.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Response::decode(&bytes).map_err(invalid)
    }

    async fn write_request<T>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        request: ReadRequest,
    ) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        io.write_all(&request.map_err(invalid)?.encode()).await
    }

    async fn write_response<T>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        response: Response,
    ) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        io.write_all(&response.encode()).await
    }
}

async fn read_all(
    io: &mut (impl AsyncRead + Unpin + Send),
    max: usize,
) -> io::Result<Result<Vec<u8>, MessageError>> {
    let bound = u64::try_from(max).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    io.take(bound).read_to_end(&mut bytes).await?;
    Ok(if bytes.len() > max { Err(MessageError::TooLong { max }) } else { Ok(bytes) })
}

fn invalid(error: MessageError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

#[cfg(test)]
mod tests {
    use futures::{executor::block_on, io::Cursor};
    use libp2p::request_response::Codec;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn endless_request_is_cut_at_its_bound() {
        let mut endless = futures::io::repeat(0x80);
        let request = block_on(SyncCodec.read_request(&PROTOCOL, &mut endless)).unwrap();
        assert_eq!(request, Err(MessageError::TooLong { max: REQUEST_BYTES_MAX }));
    }

    #[test]
    fn answer_that_never_began_is_not_garbage() {
        let error = block_on(SyncCodec.read_response(&PROTOCOL, &mut Cursor::new([]))).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }

    proptest! {
        #[test]
        fn streams_of_arbitrary_bytes_never_panic(
            bytes in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let _ = block_on(SyncCodec.read_request(&PROTOCOL, &mut Cursor::new(&bytes)));
            let _ = block_on(SyncCodec.read_response(&PROTOCOL, &mut Cursor::new(&bytes)));
        }
    }
}
