//! A connection to a server that ends when the deny list names the server (INV-12).

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use rustls::CertificateError;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::tls::{Denials, PeerCertificate, Role};

/// A TLS connection. Reads and writes fail after the deny list names the server. The RPCs in progress then fail.
pub(super) struct Deniable {
    stream: TlsStream<TcpStream>,
    /// `None` after the server was denied.
    denial: Option<BoxFuture<'static, ()>>,
}

impl Deniable {
    pub(super) fn new(stream: TlsStream<TcpStream>, denials: &Denials) -> Self {
        let (_, session) = stream.get_ref();
        let certificate = session.peer_certificates().and_then(<[_]>::first);
        let certificate = certificate.map(PeerCertificate::of);
        let denials = denials.clone();
        let denial = Box::pin(async move {
            match certificate {
                Some(certificate) => denials.denial(Role::Client, certificate).await,
                None => std::future::pending().await,
            }
        });
        Self {
            stream,
            denial: Some(denial),
        }
    }

    /// Fails if the server is denied. Otherwise wakes the task when the server becomes denied.
    fn check(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        if let Some(denial) = &mut self.denial {
            if denial.as_mut().poll(context).is_pending() {
                return Ok(());
            }
            self.denial = None;
        }
        let denied = rustls::Error::InvalidCertificate(CertificateError::Revoked);
        Err(io::Error::other(denied))
    }
}

impl AsyncRead for Deniable {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Deniable {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_write_vectored(context, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
