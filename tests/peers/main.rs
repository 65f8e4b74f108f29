//! Keyfob against software that others wrote: moto's AWS, which checks signatures and policies, boto3 and the AWS CLI as
//! clients, a real Secret Service, a real terminal. `./x test` installs and starts what this needs.

mod clients;
mod home;
mod loopback;
mod moto;
mod recovery;
mod rehearsal;
mod terminal;
