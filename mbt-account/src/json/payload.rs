//! Payloads of this system's own transactions.

use alloc::{borrow::ToOwned, boxed::Box, string::String, vec::Vec};

use mbt_crypto::{H256, PublicKey};
use serde::{Deserialize, Serialize};

use super::{
    text::{Account, Data, Fixed, Quantity, Small, hash},
    through_form,
};
use crate::{
    codec::DecodeError,
    system::{
        ConsensusKind, EvidenceRecord, FinalityCertificate, Gateway, LeagueJoin, LeagueValidator,
        MicroProtocol, Notarize, Payload, ReceiptProof,
    },
};

through_form! { Payload => PayloadForm }

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum PayloadForm {
    LeagueJoin(Box<JoinForm>),
    Notarize(Box<NotarizeForm>),
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct JoinForm {
    genesis_header: Data,
    parameters: Data,
    micro_protocol: MicroProtocolForm,
    validators: Vec<ValidatorForm>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct MicroProtocolForm {
    chain_id: Small,
    protocol_version: Small,
    consensus: ConsensusForm,
    gateways: Vec<GatewayForm>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
enum ConsensusForm {
    Ldpos,
    Pbft,
    Raft,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct GatewayForm {
    public_key: Fixed<33>,
    address: String,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ValidatorForm {
    public_key: Fixed<33>,
    pledge: Quantity,
    proof_of_possession: Fixed<64>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NotarizeForm {
    record: RecordForm,
    record_signature: Fixed<64>,
    receipt: ReceiptForm,
    certificate: CertificateForm,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RecordForm {
    league: Account,
    author: Account,
    league_transaction: Fixed<32>,
    content_hash: Fixed<32>,
    data: Data,
    deadline: Small,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ReceiptForm {
    header: Data,
    index: Small,
    nodes: Vec<Data>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CertificateForm {
    epoch: Small,
    view: Small,
    signers: Quantity,
    signatures: Vec<Fixed<64>>,
}

impl From<&Payload> for PayloadForm {
    fn from(payload: &Payload) -> Self {
        match payload {
            Payload::LeagueJoin(join) => Self::LeagueJoin(Box::new(join.as_ref().into())),
            Payload::Notarize(notarize) => Self::Notarize(Box::new(notarize.as_ref().into())),
        }
    }
}

impl TryFrom<PayloadForm> for Payload {
    type Error = DecodeError;

    /// Passes through the encoding, whose decoder knows every bound.
    fn try_from(form: PayloadForm) -> Result<Self, DecodeError> {
        let payload = match form {
            PayloadForm::LeagueJoin(join) => Self::from(LeagueJoin::try_from(*join)?),
            PayloadForm::Notarize(notarize) => Self::from(Notarize::from(*notarize)),
        };
        Self::decode(payload.system_type(), &payload.encode())
    }
}

impl From<&LeagueJoin> for JoinForm {
    fn from(join: &LeagueJoin) -> Self {
        let MicroProtocol { chain_id, protocol_version, consensus, gateways } =
            &join.micro_protocol;
        let gateways = gateways.iter().map(|gateway| GatewayForm {
            public_key: Fixed(gateway.public_key.to_compressed()),
            address: gateway.address.clone(),
        });
        let validators = join.validators.iter().map(|validator| ValidatorForm {
            public_key: Fixed(validator.public_key.to_compressed()),
            pledge: Quantity(validator.pledge),
            proof_of_possession: Fixed(validator.proof_of_possession),
        });
        Self {
            genesis_header: Data(join.genesis_header.clone()),
            parameters: Data(join.parameters.clone()),
            micro_protocol: MicroProtocolForm {
                chain_id: Small(*chain_id),
                protocol_version: Small(*protocol_version),
                consensus: match consensus {
                    ConsensusKind::Ldpos => ConsensusForm::Ldpos,
                    ConsensusKind::Pbft => ConsensusForm::Pbft,
                    ConsensusKind::Raft => ConsensusForm::Raft,
                },
                gateways: gateways.collect(),
            },
            validators: validators.collect(),
        }
    }
}

impl TryFrom<JoinForm> for LeagueJoin {
    type Error = DecodeError;

    fn try_from(form: JoinForm) -> Result<Self, DecodeError> {
        let MicroProtocolForm { chain_id, protocol_version, consensus, gateways } =
            form.micro_protocol;
        let gateways = gateways.into_iter().map(|gateway| {
            Ok(Gateway { public_key: key(gateway.public_key)?, address: gateway.address })
        });
        let validators = form.validators.into_iter().map(|validator| {
            Ok(LeagueValidator {
                public_key: key(validator.public_key)?,
                pledge: validator.pledge.0,
                proof_of_possession: validator.proof_of_possession.0,
            })
        });
        Ok(Self {
            genesis_header: form.genesis_header.0,
            parameters: form.parameters.0,
            micro_protocol: MicroProtocol {
                chain_id: chain_id.0,
                protocol_version: protocol_version.0,
                consensus: match consensus {
                    ConsensusForm::Ldpos => ConsensusKind::Ldpos,
                    ConsensusForm::Pbft => ConsensusKind::Pbft,
                    ConsensusForm::Raft => ConsensusKind::Raft,
                },
                gateways: gateways.collect::<Result<_, _>>()?,
            },
            validators: validators.collect::<Result<_, _>>()?,
        })
    }
}

fn key(bytes: Fixed<33>) -> Result<PublicKey, DecodeError> {
    PublicKey::from_sec1(&bytes.0).map_err(|_| DecodeError::OutOfRange("public key"))
}

impl From<&Notarize> for NotarizeForm {
    fn from(notarize: &Notarize) -> Self {
        let Notarize { record, record_signature, receipt, certificate } = notarize;
        Self {
            record: RecordForm {
                league: Account(record.league),
                author: Account(record.author),
                league_transaction: hash(record.league_transaction),
                content_hash: hash(record.content_hash),
                data: Data(record.data.clone()),
                deadline: Small(record.deadline),
            },
            record_signature: Fixed(*record_signature),
            receipt: ReceiptForm {
                header: Data(receipt.header.clone()),
                index: Small(receipt.index),
                nodes: receipt.nodes.iter().map(|node| Data(node.to_owned())).collect(),
            },
            certificate: CertificateForm {
                epoch: Small(certificate.epoch),
                view: Small(certificate.view),
                signers: Quantity(certificate.signers),
                signatures: certificate.signatures.iter().copied().map(Fixed).collect(),
            },
        }
    }
}

impl From<NotarizeForm> for Notarize {
    fn from(form: NotarizeForm) -> Self {
        let NotarizeForm { record, record_signature, receipt, certificate } = form;
        Self {
            record: EvidenceRecord {
                league: record.league.0,
                author: record.author.0,
                league_transaction: H256(record.league_transaction.0),
                content_hash: H256(record.content_hash.0),
                data: record.data.0,
                deadline: record.deadline.0,
            },
            record_signature: record_signature.0,
            receipt: ReceiptProof {
                header: receipt.header.0,
                index: receipt.index.0,
                nodes: receipt.nodes.into_iter().map(|node| node.0).collect(),
            },
            certificate: FinalityCertificate {
                epoch: certificate.epoch.0,
                view: certificate.view.0,
                signers: certificate.signers.0,
                signatures: certificate.signatures.into_iter().map(|bytes| bytes.0).collect(),
            },
        }
    }
}
